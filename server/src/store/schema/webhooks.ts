/** Who is posted to, and what waits for it. `position`: what of the events is in the outbox, or is not for this webhook. */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_webhooks (
     id TEXT PRIMARY KEY,
     url TEXT NOT NULL,
     description TEXT NOT NULL,
     kinds TEXT,
     domain TEXT,
     secret TEXT NOT NULL,
     former_secret TEXT,
     former_until INTEGER,
     enabled INTEGER NOT NULL,
     reason TEXT,
     failing_since INTEGER,
     position INTEGER NOT NULL,
     created INTEGER NOT NULL,
     creator TEXT NOT NULL,
     version INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE fleet_deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     webhook TEXT NOT NULL REFERENCES fleet_webhooks (id) ON DELETE CASCADE,
     message TEXT NOT NULL,
     kind TEXT NOT NULL,
     payload TEXT NOT NULL,
     state TEXT NOT NULL,
     attempts INTEGER NOT NULL,
     created INTEGER NOT NULL,
     next INTEGER,
     tried INTEGER,
     status INTEGER,
     error TEXT,
     answer TEXT,
     ms INTEGER
   ) STRICT;
   CREATE INDEX fleet_deliveries_of_webhook ON fleet_deliveries (webhook, id);
   CREATE INDEX fleet_deliveries_waiting ON fleet_deliveries (webhook, next) WHERE state = 'waiting';
   CREATE TRIGGER fleet_webhooks_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_webhooks WHERE domain = OLD.id;
   END;`,
  // A user who is made anew is another one.
  `ALTER TABLE fleet_webhooks ADD COLUMN creator_uid TEXT;
   UPDATE fleet_webhooks SET creator_uid = (SELECT uid FROM users WHERE name = creator);`,
];
