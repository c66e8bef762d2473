/** Of `seen` while a device is on line: later than any time, and the largest integer that JavaScript counts exactly. */
export const seenNow = Number.MAX_SAFE_INTEGER;

/** Connections of one device that are remembered. */
export const connectionsRemembered = 100;

/** Characters of one device that can be searched for; further ones are in its record all the same. */
export const searchableCharacters = 8_192;

const seen = (row: string) =>
  `CASE WHEN ${row}.online = 1 THEN ${seenNow} ELSE max(coalesce(${row}.last_seen, 0), coalesce(${row}.last_connect, 0)) END`;

const label = (name: string, row: string) =>
  `lower(substr(coalesce(nullif(${name}, ''), nullif(json_extract(${row}.properties, '$.name'), ''), ${row}.id), 1, 200))`;

const register = `
  INSERT OR IGNORE INTO fleet_domains (id, created) VALUES (NEW.domain, NEW.created);
  INSERT INTO fleet_devices (uid, id, domain, created, seen, label)
    SELECT NEW.uid, NEW.id, number, NEW.created, ${seen('NEW')}, ${label('NULL', 'NEW')}
    FROM fleet_domains WHERE id = NEW.domain;`;

const lines = (json: string, text: string) =>
  `coalesce((SELECT group_concat(${text}, char(10)) FROM json_each(${json})), '')`;

/**
 * Domains and their quotas, and what users say of devices. Triggers on the tables of the core keep it true, whichever
 * program writes: this one, `rm-reflector`, or a command. With a domain goes what names it, here and in the parts that
 * follow: one that gets its id later inherits nothing.
 *
 * A row of `fleet_devices` is that of one record of a claimed device. Its indexes contain all that a list is filtered by,
 * so that a list is read from one index alone. `seen` is when the device was last on line, in ms; 0: never. `label` is
 * what it is sorted by. The text that can be searched ends with two line feeds, so that each character and each pair in
 * it begins a trigram.
 */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_domains (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     name TEXT NOT NULL DEFAULT '',
     description TEXT NOT NULL DEFAULT '',
     created INTEGER NOT NULL,
     device_quota INTEGER,
     connection_quota INTEGER,
     byte_quota INTEGER,
     version INTEGER NOT NULL DEFAULT 1
   ) STRICT;
   CREATE TABLE fleet_devices (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     uid TEXT NOT NULL UNIQUE REFERENCES devices (uid) ON DELETE CASCADE,
     id TEXT NOT NULL UNIQUE,
     domain INTEGER NOT NULL REFERENCES fleet_domains (number),
     created INTEGER NOT NULL,
     seen INTEGER NOT NULL,
     label TEXT NOT NULL,
     name TEXT,
     description TEXT NOT NULL DEFAULT '',
     notes TEXT NOT NULL DEFAULT '',
     tags TEXT NOT NULL DEFAULT '[]',
     properties TEXT NOT NULL DEFAULT '{}',
     created_by TEXT,
     version INTEGER NOT NULL DEFAULT 1
   ) STRICT;
   CREATE INDEX fleet_devices_by_id ON fleet_devices (id, number, domain, seen, created);
   CREATE INDEX fleet_devices_by_label ON fleet_devices (label, number, domain, seen, created);
   CREATE INDEX fleet_devices_by_created ON fleet_devices (created, number, domain, seen);
   CREATE INDEX fleet_devices_by_seen ON fleet_devices (seen, number, domain, created);
   CREATE INDEX fleet_devices_of_domain ON fleet_devices (domain, seen, number);
   CREATE TABLE fleet_tags (
     tag TEXT NOT NULL,
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     PRIMARY KEY (tag, number)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_tags_of_device ON fleet_tags (number);
   CREATE TABLE fleet_search (
     number INTEGER PRIMARY KEY REFERENCES fleet_devices (number) ON DELETE CASCADE,
     text TEXT NOT NULL
   ) STRICT;
   CREATE VIRTUAL TABLE fleet_trigrams USING fts5 (
     text, content = 'fleet_search', content_rowid = 'number', tokenize = 'trigram', detail = none
   );
   CREATE VIRTUAL TABLE fleet_trigram_instances USING fts5vocab (fleet_trigrams, 'instance');
   CREATE TABLE fleet_connections (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     live INTEGER NOT NULL DEFAULT 1,
     began INTEGER NOT NULL,
     ended INTEGER,
     address TEXT NOT NULL,
     agent TEXT NOT NULL,
     bytes_from INTEGER NOT NULL,
     bytes_to INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX fleet_connections_of_device ON fleet_connections (number, sequence);
   CREATE TABLE fleet_calendar (one INTEGER PRIMARY KEY CHECK (one = 1), day TEXT NOT NULL) STRICT;
   INSERT INTO fleet_calendar VALUES (1, date('now'));
   CREATE TABLE fleet_traffic (
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     day TEXT NOT NULL,
     bytes_from INTEGER NOT NULL,
     bytes_to INTEGER NOT NULL,
     PRIMARY KEY (number, day)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_traffic_of_day ON fleet_traffic (day);
   CREATE TABLE fleet_domain_traffic (
     domain INTEGER NOT NULL REFERENCES fleet_domains (number) ON DELETE CASCADE,
     month TEXT NOT NULL,
     bytes_from INTEGER NOT NULL,
     bytes_to INTEGER NOT NULL,
     PRIMARY KEY (domain, month)
   ) STRICT, WITHOUT ROWID;
   CREATE VIEW fleet_texts AS
     SELECT f.number, substr(lower(d.id || char(10) || coalesce(f.name, '') || char(10) || f.description || char(10)
         || ${lines('f.tags', 'value')} || char(10)
         || ${lines('f.properties', "key || '=' || value")} || char(10)
         || ${lines('d.properties', "key || '=' || value")}), 1, ${searchableCharacters}) || char(10) || char(10) AS text
     FROM fleet_devices f JOIN devices d ON d.uid = f.uid;
   CREATE TRIGGER fleet_text_added AFTER INSERT ON fleet_search BEGIN
     INSERT INTO fleet_trigrams (rowid, text) VALUES (NEW.number, NEW.text);
   END;
   CREATE TRIGGER fleet_text_changed AFTER UPDATE OF text ON fleet_search WHEN NEW.text IS NOT OLD.text BEGIN
     INSERT INTO fleet_trigrams (fleet_trigrams, rowid, text) VALUES ('delete', OLD.number, OLD.text);
     INSERT INTO fleet_trigrams (rowid, text) VALUES (NEW.number, NEW.text);
   END;
   CREATE TRIGGER fleet_text_removed AFTER DELETE ON fleet_search BEGIN
     INSERT INTO fleet_trigrams (fleet_trigrams, rowid, text) VALUES ('delete', OLD.number, OLD.text);
   END;
   CREATE TRIGGER fleet_devices_on_register AFTER INSERT ON fleet_devices BEGIN
     INSERT INTO fleet_search SELECT number, text FROM fleet_texts WHERE number = NEW.number;
   END;
   CREATE TRIGGER fleet_devices_on_describe AFTER UPDATE OF name, description, tags, properties ON fleet_devices BEGIN
     UPDATE fleet_devices SET label = (SELECT ${label('NEW.name', 'd')} FROM devices d WHERE d.uid = NEW.uid)
       WHERE number = NEW.number;
     UPDATE fleet_search SET text = (SELECT text FROM fleet_texts WHERE number = NEW.number) WHERE number = NEW.number;
   END;
   CREATE TRIGGER fleet_devices_on_tag AFTER UPDATE OF tags ON fleet_devices WHEN NEW.tags IS NOT OLD.tags BEGIN
     DELETE FROM fleet_tags WHERE number = NEW.number;
     INSERT OR IGNORE INTO fleet_tags SELECT value, NEW.number FROM json_each(NEW.tags);
   END;
   CREATE TRIGGER fleet_devices_on_add AFTER INSERT ON devices WHEN NEW.claimed = 1 BEGIN ${register}
   END;
   CREATE TRIGGER fleet_devices_on_claim AFTER UPDATE OF claimed ON devices
     WHEN NEW.claimed = 1 AND OLD.claimed = 0 BEGIN ${register}
   END;
   CREATE TRIGGER fleet_devices_on_move AFTER UPDATE OF domain ON devices
     WHEN NEW.claimed = 1 AND OLD.claimed = 1 AND NEW.domain IS NOT OLD.domain BEGIN
     INSERT OR IGNORE INTO fleet_domains (id, created) VALUES (NEW.domain, NEW.created);
     UPDATE fleet_devices SET domain = (SELECT number FROM fleet_domains WHERE id = NEW.domain) WHERE uid = NEW.uid;
   END;
   CREATE TRIGGER fleet_devices_on_seen AFTER UPDATE OF online, last_connect, last_seen ON devices BEGIN
     UPDATE fleet_devices SET seen = ${seen('NEW')} WHERE uid = NEW.uid AND seen <> ${seen('NEW')};
   END;
   CREATE TRIGGER fleet_devices_on_said AFTER UPDATE OF properties ON devices
     WHEN NEW.properties IS NOT OLD.properties AND NEW.claimed = 1 BEGIN
     UPDATE fleet_devices SET label = ${label('name', 'NEW')}
       WHERE uid = NEW.uid AND label IS NOT ${label('name', 'NEW')};
     UPDATE fleet_search SET text = (SELECT t.text FROM fleet_texts t WHERE t.number = fleet_search.number)
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid);
   END;
   CREATE TRIGGER fleet_devices_on_connect AFTER UPDATE OF connects ON devices WHEN NEW.connects > OLD.connects BEGIN
     UPDATE fleet_connections SET live = 0, ended = NEW.last_connect,
         bytes_from = NEW.bytes_from - bytes_from, bytes_to = NEW.bytes_to - bytes_to
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid) AND live = 1;
     INSERT INTO fleet_connections (number, began, address, agent, bytes_from, bytes_to)
       SELECT number, NEW.last_connect, NEW.address, NEW.agent, NEW.bytes_from, NEW.bytes_to
       FROM fleet_devices WHERE uid = NEW.uid;
     DELETE FROM fleet_connections
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid)
         AND sequence <= (SELECT c.sequence FROM fleet_connections c
           WHERE c.number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid)
           ORDER BY c.sequence DESC LIMIT 1 OFFSET ${connectionsRemembered});
   END;
   CREATE TRIGGER fleet_devices_on_disconnect AFTER UPDATE OF online ON devices
     WHEN NEW.online = 0 AND OLD.online = 1 BEGIN
     UPDATE fleet_connections SET live = 0,
         ended = CASE WHEN NEW.last_seen IS NOT OLD.last_seen THEN NEW.last_seen END,
         bytes_from = NEW.bytes_from - bytes_from, bytes_to = NEW.bytes_to - bytes_to
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid) AND live = 1;
   END;
   CREATE TRIGGER fleet_devices_on_traffic AFTER UPDATE OF bytes_from, bytes_to ON devices
     WHEN NEW.bytes_from <> OLD.bytes_from OR NEW.bytes_to <> OLD.bytes_to BEGIN
     INSERT INTO fleet_traffic
       SELECT number, day, NEW.bytes_from - OLD.bytes_from, NEW.bytes_to - OLD.bytes_to
       FROM fleet_devices, fleet_calendar WHERE uid = NEW.uid
       ON CONFLICT DO UPDATE SET bytes_from = bytes_from + excluded.bytes_from, bytes_to = bytes_to + excluded.bytes_to;
     INSERT INTO fleet_domain_traffic
       SELECT domain, substr(day, 1, 7), NEW.bytes_from - OLD.bytes_from, NEW.bytes_to - OLD.bytes_to
       FROM fleet_devices, fleet_calendar WHERE uid = NEW.uid
       ON CONFLICT DO UPDATE SET bytes_from = bytes_from + excluded.bytes_from, bytes_to = bytes_to + excluded.bytes_to;
   END;
   CREATE TRIGGER fleet_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM grants WHERE domain = OLD.id;
   END;
   INSERT INTO fleet_domains (id, created) SELECT domain, min(created) FROM devices WHERE claimed = 1 GROUP BY domain;
   INSERT INTO fleet_devices (uid, id, domain, created, seen, label)
     SELECT d.uid, d.id, m.number, d.created, ${seen('d')}, ${label('NULL', 'd')}
     FROM devices d JOIN fleet_domains m ON m.id = d.domain WHERE d.claimed = 1 ORDER BY d.id;`,
  // Why a connection ended. One that lasts when the next one begins was replaced by it.
  `ALTER TABLE fleet_connections ADD COLUMN end_cause TEXT;
   ALTER TABLE fleet_connections ADD COLUMN end_reason TEXT;
   ALTER TABLE fleet_connections ADD COLUMN end_by TEXT;
   DROP TRIGGER fleet_devices_on_connect;
   CREATE TRIGGER fleet_devices_on_connect AFTER UPDATE OF connects ON devices WHEN NEW.connects > OLD.connects BEGIN
     UPDATE fleet_connections SET live = 0, ended = NEW.last_connect,
         end_cause = 'replaced', end_reason = 'replaced by a newer tunnel of this device',
         bytes_from = NEW.bytes_from - bytes_from, bytes_to = NEW.bytes_to - bytes_to
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid) AND live = 1;
     INSERT INTO fleet_connections (number, began, address, agent, bytes_from, bytes_to)
       SELECT number, NEW.last_connect, NEW.address, NEW.agent, NEW.bytes_from, NEW.bytes_to
       FROM fleet_devices WHERE uid = NEW.uid;
     DELETE FROM fleet_connections
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid)
         AND sequence <= (SELECT c.sequence FROM fleet_connections c
           WHERE c.number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid)
           ORDER BY c.sequence DESC LIMIT 1 OFFSET ${connectionsRemembered});
   END;
   DROP TRIGGER fleet_devices_on_disconnect;
   CREATE TRIGGER fleet_devices_on_disconnect AFTER UPDATE OF online ON devices
     WHEN NEW.online = 0 AND OLD.online = 1 BEGIN
     UPDATE fleet_connections SET live = 0,
         ended = CASE WHEN NEW.last_seen IS NOT OLD.last_seen THEN NEW.last_seen END,
         end_cause = NEW.end_cause, end_reason = NEW.end_reason, end_by = NEW.end_by,
         bytes_from = NEW.bytes_from - bytes_from, bytes_to = NEW.bytes_to - bytes_to
       WHERE number = (SELECT number FROM fleet_devices WHERE uid = NEW.uid) AND live = 1;
   END;`,
];
