const now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/**
 * What happens, in an order in which it can be read from a cursor. Triggers note what becomes of devices, so that the changes of
 * other programs that write to the file are among them, and each is there exactly when the change is.
 */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_events (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     time INTEGER NOT NULL,
     kind TEXT NOT NULL,
     device TEXT,
     uid TEXT,
     domain TEXT,
     user TEXT,
     data TEXT NOT NULL DEFAULT '{}'
   ) STRICT;
   CREATE TRIGGER fleet_event_added AFTER INSERT ON devices WHEN NEW.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (${now}, 'device.added', NEW.id, NEW.uid, NEW.domain);
   END;
   CREATE TRIGGER fleet_event_claimed AFTER UPDATE OF claimed ON devices WHEN OLD.claimed = 0 AND NEW.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (${now}, 'device.claimed', NEW.id, NEW.uid, NEW.domain);
   END;
   CREATE TRIGGER fleet_event_moved AFTER UPDATE OF domain ON devices WHEN NEW.claimed = 1 AND OLD.domain <> NEW.domain BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (${now}, 'device.removed', NEW.id, NEW.uid, OLD.domain), (${now}, 'device.added', NEW.id, NEW.uid, NEW.domain);
   END;
   CREATE TRIGGER fleet_event_removed AFTER DELETE ON devices WHEN OLD.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (${now}, 'device.removed', OLD.id, OLD.uid, OLD.domain);
   END;`,
  // What happened in a domain is not for those who have one of its name later. `last`: the last event when it was removed.
  `CREATE TABLE fleet_event_ends (
     domain TEXT PRIMARY KEY,
     last INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER fleet_event_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_event_ends WHERE last < (SELECT min(sequence) FROM fleet_events);
     INSERT OR REPLACE INTO fleet_event_ends (domain, last)
       VALUES (OLD.id, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'fleet_events'), 0));
   END;`,
];
