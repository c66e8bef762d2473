/** One step a version; `PRAGMA user_version` counts the steps done. A published step never changes. */
export const migrations: readonly string[] = [
  `CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE users (
     name TEXT PRIMARY KEY,
     password TEXT NOT NULL,
     created INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE devices (
     id TEXT PRIMARY KEY,
     domain TEXT NOT NULL,
     claimed INTEGER NOT NULL,
     password TEXT NOT NULL,
     digest_sha256 TEXT,
     digest_md5 TEXT,
     created INTEGER NOT NULL,
     online INTEGER NOT NULL DEFAULT 0,
     properties TEXT NOT NULL DEFAULT '{}',
     agent TEXT NOT NULL DEFAULT '',
     address TEXT NOT NULL DEFAULT '',
     connects INTEGER NOT NULL DEFAULT 0,
     last_connect INTEGER,
     last_seen INTEGER,
     bytes_from INTEGER NOT NULL DEFAULT 0,
     bytes_to INTEGER NOT NULL DEFAULT 0,
     duplicate_noticed INTEGER
   ) STRICT, WITHOUT ROWID;`,
];
