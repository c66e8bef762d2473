/**
 * Enrolment keys, and the devices that wait for their enrolment or are enrolled. Of keys and secrets there are digests
 * only. `credential` is the password hash that the device got: one with another by now is not enrolled any more.
 */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_enrolment_keys (
     id TEXT PRIMARY KEY,
     hash BLOB NOT NULL UNIQUE,
     name TEXT NOT NULL,
     domain TEXT NOT NULL,
     prefix TEXT NOT NULL,
     approval INTEGER NOT NULL,
     uses INTEGER,
     used INTEGER NOT NULL DEFAULT 0,
     expires INTEGER,
     created INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     last_used INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_enrolment_keys_by_age ON fleet_enrolment_keys (created, id);
   CREATE TABLE fleet_enrolments (
     id TEXT NOT NULL,
     secret BLOB NOT NULL,
     hardware TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'enrolled')),
     reason TEXT NOT NULL CHECK (reason IN ('unclaimed', 'approval', 'clone', 'taken', 'key')),
     domain TEXT,
     key TEXT,
     code TEXT UNIQUE,
     uid TEXT REFERENCES devices (uid) ON DELETE CASCADE,
     credential TEXT,
     address TEXT NOT NULL,
     network TEXT NOT NULL,
     created INTEGER NOT NULL,
     seen INTEGER NOT NULL,
     PRIMARY KEY (id, secret, hardware)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_enrolments_of_secret ON fleet_enrolments (secret);
   CREATE INDEX fleet_enrolments_of_device ON fleet_enrolments (uid);
   CREATE INDEX fleet_enrolments_waiting ON fleet_enrolments (state, network, seen);
   CREATE TRIGGER fleet_enrolment_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_enrolment_keys WHERE domain = OLD.id;
     DELETE FROM fleet_enrolments WHERE domain = OLD.id AND state <> 'enrolled';
   END;`,
  // A user who is made anew is another one.
  `ALTER TABLE fleet_enrolment_keys ADD COLUMN created_by_uid TEXT;
   UPDATE fleet_enrolment_keys SET created_by_uid = (SELECT uid FROM users WHERE name = created_by);`,
];
