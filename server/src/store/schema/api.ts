/** Calls that are not to be done twice. Their answers may hold secrets: they are not stored. */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_calls (
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     key TEXT NOT NULL,
     call BLOB NOT NULL,
     created INTEGER NOT NULL,
     PRIMARY KEY (user, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_calls_created ON fleet_calls (created);`,
];
