/**
 * Groups, grants and API keys. Triggers tell the reflector's change feed whose rights are others now. A key whose last target
 * goes keeps an empty list, and is for nothing: NULL would be everything.
 */
const changesOf = (row: 'NEW' | 'OLD') =>
  `INSERT INTO changes (kind, key) SELECT 'user', ${row}.user WHERE ${row}.user IS NOT NULL
     UNION SELECT 'user', user FROM fleet_members WHERE team = ${row}.team;`;

export const steps: readonly string[] = [
  `CREATE TABLE fleet_groups (
     name TEXT PRIMARY KEY,
     description TEXT NOT NULL,
     created INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE fleet_members (
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     team TEXT NOT NULL REFERENCES fleet_groups (name) ON DELETE CASCADE,
     source TEXT NOT NULL,
     PRIMARY KEY (user, team, source)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_members_of_group ON fleet_members (team, user);
   CREATE TABLE fleet_grants (
     id TEXT PRIMARY KEY,
     user TEXT REFERENCES users (name) ON DELETE CASCADE,
     team TEXT REFERENCES fleet_groups (name) ON DELETE CASCADE,
     role TEXT NOT NULL,
     domain TEXT,
     device TEXT REFERENCES devices (id) ON DELETE CASCADE,
     ports TEXT,
     until INTEGER,
     created INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     CHECK ((user IS NULL) <> (team IS NULL)),
     CHECK (domain IS NULL OR device IS NULL)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_grants_of_user ON fleet_grants (user);
   CREATE INDEX fleet_grants_of_group ON fleet_grants (team);
   CREATE INDEX fleet_grants_of_device ON fleet_grants (device);
   CREATE TABLE fleet_keys (
     id TEXT PRIMARY KEY,
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     name TEXT NOT NULL,
     hash BLOB NOT NULL,
     permissions TEXT NOT NULL,
     targets TEXT,
     created INTEGER NOT NULL,
     expires INTEGER,
     used INTEGER,
     address TEXT,
     UNIQUE (user, name)
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX fleet_keys_hash ON fleet_keys (hash);
   CREATE TRIGGER fleet_member_added AFTER INSERT ON fleet_members BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
   CREATE TRIGGER fleet_member_removed AFTER DELETE ON fleet_members BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', OLD.user);
   END;
   CREATE TRIGGER fleet_grant_added AFTER INSERT ON fleet_grants BEGIN ${changesOf('NEW')} END;
   CREATE TRIGGER fleet_grant_changed AFTER UPDATE ON fleet_grants BEGIN
     ${changesOf('OLD')} ${changesOf('NEW')}
   END;
   CREATE TRIGGER fleet_grant_removed AFTER DELETE ON fleet_grants BEGIN ${changesOf('OLD')} END;
   CREATE TRIGGER fleet_rights_device_moved AFTER UPDATE OF domain ON devices WHEN OLD.domain <> NEW.domain BEGIN
     INSERT INTO changes (kind, key)
       SELECT 'user', user FROM fleet_grants WHERE device = NEW.id AND user IS NOT NULL
       UNION SELECT 'user', fleet_members.user FROM fleet_grants JOIN fleet_members USING (team) WHERE device = NEW.id
       UNION SELECT 'user', user FROM fleet_keys WHERE instr(targets, '"' || NEW.uid || '"') > 0;
   END;
   CREATE TRIGGER fleet_key_added AFTER INSERT ON fleet_keys BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
   CREATE TRIGGER fleet_key_changed AFTER UPDATE OF user, hash, permissions, targets, expires ON fleet_keys BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
   CREATE TRIGGER fleet_key_removed AFTER DELETE ON fleet_keys BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', OLD.user);
   END;
   CREATE TRIGGER fleet_rights_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_grants WHERE domain = OLD.id;
     UPDATE fleet_keys SET targets =
         (SELECT json_group_array(json(value)) FROM json_each(targets) WHERE value ->> 'domain' IS NOT OLD.id)
       WHERE EXISTS (SELECT 1 FROM json_each(targets) WHERE value ->> 'domain' = OLD.id);
   END;`,
];
