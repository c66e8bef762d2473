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
  // Until here every user saw every device: those become administrators, so that nobody is locked out.
  `ALTER TABLE users ADD COLUMN administrator INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE users ADD COLUMN totp_secret BLOB;
   ALTER TABLE users ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE grants (
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     domain TEXT NOT NULL,
     PRIMARY KEY (user, domain)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE recovery_codes (
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     hash BLOB NOT NULL,
     PRIMARY KEY (user, hash)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sessions (
     hash BLOB PRIMARY KEY,
     kind TEXT NOT NULL,
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     fingerprint TEXT NOT NULL,
     device TEXT,
     parent BLOB REFERENCES sessions (hash) ON DELETE CASCADE,
     created INTEGER NOT NULL,
     used INTEGER NOT NULL,
     expires INTEGER NOT NULL,
     address TEXT NOT NULL,
     agent TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX sessions_of_user ON sessions (user, kind, used);
   CREATE INDEX sessions_of_parent ON sessions (parent);
   CREATE INDEX sessions_used ON sessions (used);
   CREATE INDEX sessions_expire ON sessions (expires);`,
  'ALTER TABLE devices ADD COLUMN fingerprint BLOB;',
  // Nothing told devices that were added for a certificate from others: those stay possible that have no sign of a
  // password, for certificates of about their own age.
  `ALTER TABLE devices ADD COLUMN uid TEXT NOT NULL DEFAULT '';
   UPDATE devices SET uid = lower(hex(randomblob(8)));
   CREATE UNIQUE INDEX devices_uid ON devices (uid);
   ALTER TABLE devices ADD COLUMN handed_over INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE devices ADD COLUMN certificates_since INTEGER;
   UPDATE devices SET certificates_since = created - 86400000
     WHERE claimed = 1 AND fingerprint IS NULL AND digest_sha256 IS NULL;
   ALTER TABLE devices ADD COLUMN refused INTEGER;
   ALTER TABLE devices ADD COLUMN refused_reason TEXT;
   ALTER TABLE devices ADD COLUMN refused_address TEXT;
   CREATE TABLE former_devices (id TEXT PRIMARY KEY, removed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   ALTER TABLE users ADD COLUMN uid TEXT NOT NULL DEFAULT '';
   UPDATE users SET uid = lower(hex(randomblob(8)));`,
  // Finds what a user sees by domain, and unclaimed devices without reading every device.
  `CREATE INDEX devices_of_domain ON devices (domain, id) WHERE claimed = 1;
   CREATE INDEX devices_unclaimed ON devices (address) WHERE claimed = 0;`,
  // Triggers note the changes of any program that writes to the file. The audit entries are there to be queried. Unclaimed devices are counted by network in the statement that adds one.
  `CREATE TABLE changes (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL,
     key TEXT NOT NULL
   ) STRICT;
   CREATE TRIGGER changes_bounded AFTER INSERT ON changes BEGIN
     DELETE FROM changes WHERE sequence <= NEW.sequence - 10000;
   END;
   CREATE TRIGGER user_added AFTER INSERT ON users BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.name);
   END;
   CREATE TRIGGER user_changed AFTER UPDATE OF name, uid, password, administrator, totp_secret ON users BEGIN
     INSERT INTO changes (kind, key) SELECT 'user', OLD.name UNION SELECT 'user', NEW.name;
   END;
   CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', OLD.name);
   END;
   CREATE TRIGGER grant_added AFTER INSERT ON grants BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
   CREATE TRIGGER grant_removed AFTER DELETE ON grants BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', OLD.user);
   END;
   CREATE TRIGGER session_added AFTER INSERT ON sessions BEGIN
     INSERT INTO changes (kind, key) VALUES ('session', lower(hex(NEW.hash)));
   END;
   CREATE TRIGGER session_removed AFTER DELETE ON sessions BEGIN
     INSERT INTO changes (kind, key) VALUES ('session', lower(hex(OLD.hash)));
   END;
   CREATE TRIGGER device_added AFTER INSERT ON devices BEGIN
     INSERT INTO changes (kind, key) VALUES ('device', NEW.id);
   END;
   CREATE TRIGGER device_changed AFTER UPDATE OF
     id, uid, domain, claimed, password, digest_sha256, digest_md5, certificates_since, handed_over ON devices BEGIN
     INSERT INTO changes (kind, key) SELECT 'device', OLD.id UNION SELECT 'device', NEW.id;
   END;
   CREATE TRIGGER device_removed AFTER DELETE ON devices BEGIN
     INSERT INTO changes (kind, key) VALUES ('device', OLD.id);
   END;
   CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     time INTEGER NOT NULL,
     event TEXT NOT NULL,
     user TEXT,
     device TEXT,
     record TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_time ON audit (time);
   CREATE INDEX audit_of_user ON audit (user, sequence);
   CREATE INDEX audit_of_device ON audit (device, sequence);
   ALTER TABLE devices ADD COLUMN network TEXT;
   CREATE INDEX devices_unclaimed_of_network ON devices (network) WHERE claimed = 0;`,
  // Why the last tunnel ended.
  `ALTER TABLE devices ADD COLUMN end_cause TEXT;
   ALTER TABLE devices ADD COLUMN end_reason TEXT;
   ALTER TABLE devices ADD COLUMN end_by TEXT;`,
  // When its domain last changed, in ms: what was noted of a device before is its former domain's.
  `ALTER TABLE devices ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;`,
];
