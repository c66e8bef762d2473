PRAGMA foreign_keys = OFF;
PRAGMA user_version = 6;
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE users (
     name TEXT PRIMARY KEY,
     password TEXT NOT NULL,
     created INTEGER NOT NULL
   , administrator INTEGER NOT NULL DEFAULT 1, totp_secret BLOB, totp_step INTEGER NOT NULL DEFAULT 0, uid TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
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
   , fingerprint BLOB, uid TEXT NOT NULL DEFAULT '', handed_over INTEGER NOT NULL DEFAULT 0, certificates_since INTEGER, refused INTEGER, refused_reason TEXT, refused_address TEXT, network TEXT) STRICT, WITHOUT ROWID;
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
CREATE TABLE former_devices (id TEXT PRIMARY KEY, removed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL,
     key TEXT NOT NULL
   ) STRICT;
CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     time INTEGER NOT NULL,
     event TEXT NOT NULL,
     user TEXT,
     device TEXT,
     record TEXT NOT NULL
   ) STRICT;
CREATE TABLE fleet_schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
CREATE TABLE fleet_calls (
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     key TEXT NOT NULL,
     call BLOB NOT NULL,
     created INTEGER NOT NULL,
     PRIMARY KEY (user, key)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_domains (
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
CREATE TABLE fleet_tags (
     tag TEXT NOT NULL,
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     PRIMARY KEY (tag, number)
   ) STRICT, WITHOUT ROWID;
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
CREATE TABLE fleet_calendar (one INTEGER PRIMARY KEY CHECK (one = 1), day TEXT NOT NULL) STRICT;
CREATE TABLE fleet_traffic (
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     day TEXT NOT NULL,
     bytes_from INTEGER NOT NULL,
     bytes_to INTEGER NOT NULL,
     PRIMARY KEY (number, day)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_domain_traffic (
     domain INTEGER NOT NULL REFERENCES fleet_domains (number) ON DELETE CASCADE,
     month TEXT NOT NULL,
     bytes_from INTEGER NOT NULL,
     bytes_to INTEGER NOT NULL,
     PRIMARY KEY (domain, month)
   ) STRICT, WITHOUT ROWID;
CREATE VIEW fleet_texts AS
     SELECT f.number, substr(lower(d.id || char(10) || coalesce(f.name, '') || char(10) || f.description || char(10)
         || coalesce((SELECT group_concat(value, char(10)) FROM json_each(f.tags)), '') || char(10)
         || coalesce((SELECT group_concat(key || '=' || value, char(10)) FROM json_each(f.properties)), '') || char(10)
         || coalesce((SELECT group_concat(key || '=' || value, char(10)) FROM json_each(d.properties)), '')), 1, 8192) || char(10) || char(10) AS text
     FROM fleet_devices f JOIN devices d ON d.uid = f.uid;
CREATE TABLE fleet_events (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     time INTEGER NOT NULL,
     kind TEXT NOT NULL,
     device TEXT,
     uid TEXT,
     domain TEXT,
     user TEXT,
     data TEXT NOT NULL DEFAULT '{}'
   ) STRICT;
CREATE TABLE fleet_groups (
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
CREATE TABLE fleet_directory_members (
     user TEXT PRIMARY KEY,
     uid TEXT,
     claim TEXT,
     source TEXT NOT NULL,
     id TEXT NOT NULL,
     login TEXT NOT NULL,
     until INTEGER NOT NULL,
     ended INTEGER NOT NULL DEFAULT 0,
     offline TEXT,
     offline_until INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_oidc_sessions (
     hash BLOB PRIMARY KEY REFERENCES sessions (hash) ON DELETE CASCADE,
     provider TEXT NOT NULL,
     subject TEXT NOT NULL,
     session TEXT
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_people (
     name TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
     kind TEXT NOT NULL,
     full_name TEXT NOT NULL,
     email TEXT
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_invitations (
     hash BLOB PRIMARY KEY,
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     purpose TEXT NOT NULL,
     created INTEGER NOT NULL,
     expires INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_webhooks (
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
CREATE TABLE fleet_enrolment_keys (
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
INSERT INTO settings VALUES ('audit_of', x'2f7661722f6c69622f726d2d7265666c6563746f722f7265666c6563746f722e73716c697465');
INSERT INTO settings VALUES ('fingerprint_key', x'8f25d9ec6ca19e5b3021942510d18b4a6debef00cb3b95ef3a0b816437eee968');
INSERT INTO settings VALUES ('token_key', x'61f3ee014daaa4c09664e957a23218faf9059413bf53a123a7db450fe7d14473');
INSERT INTO settings VALUES ('url', x'687474703a2f2f6c6f63616c686f73743a31383437312f');
INSERT INTO users VALUES ('alice', 'scrypt:ln=14,r=8,p=1:Ut4O7imAYhCf5iYbAK-rmQ:1KwYQqAnJxyNICwf3ZtVV1_y1tZ0z5iC3ZU8Q-HvaTA', 1795905288907, 1, NULL, 0, '26839702098d0966');
INSERT INTO users VALUES ('bob', 'scrypt:ln=14,r=8,p=1:DICgmpRsnVSTmfQapyqU7g:IN4f3Wv_9sn0KlBJpM4OyEcw_y21k5TkWQU41bfb8So', 1795905290471, 0, NULL, 0, '2b42dd507df14163');
INSERT INTO users VALUES ('carol', 'scrypt:ln=14,r=8,p=1:Xw5YyiVHK7QYheqJCT4OsA:gTqMW-8SZN9KlnFuraZC5Vr-V-McSbyd-POCkszILGk', 1795905291974, 0, x'3132333435363738393031323334353637383930', 1, 'bba8529ab3c75673');
INSERT INTO devices VALUES ('gate-1', 'plant-b', 1, 'scrypt:ln=14,r=8,p=1:Ko2dQh3cvoXwbkTNOIrnZQ:WPqvp-iTTTgh8MJnG-KkUf-uC5YEUYjjRu0iZKxPN-4', NULL, NULL, 1795905302436, 0, '{}', '', '', 0, NULL, NULL, 0, 0, NULL, NULL, 'e994293ea54c0a65', 0, 1795818902436, NULL, NULL, NULL, NULL);
INSERT INTO devices VALUES ('lamp-1', 'plant-b', 1, 'scrypt:ln=14,r=8,p=1:EfPSSvZH071HDV-yfYtP_w:9jbH0WlgJfStAEPfA7vxLVtlVFiBgJDkANmTDabJHiY', 'dd6804b5dcd26968475adb84a6d177bef5986a7439b4840f1ab5349112d6ada3', '411c4fb40986484a5b18c8413c50e25e', 1795905301314, 0, '{}', '', '', 0, NULL, NULL, 0, 0, NULL, x'61d089499ff6104842a90b8880e26365007d1de644b207848a1bee4c26d4afdb', '6dfa6ffe804b4b5c', 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO devices VALUES ('pump-7', 'plant-a', 1, 'scrypt:ln=14,r=8,p=1:beobmuJyAK5idaQZX9AQpQ:z0QupHjTYn8-rm470lPXyF_o4ILrpPTVnteu1DU_wLU', NULL, NULL, 1795905297910, 1, '{"name":"The pump","targetPorts":"80, 22","site":"Hall 3"}', 'rm-agent/0.1.0', '192.0.2.7', 4, 1795906000005, 1795905940000, 123457789, 4596, NULL, NULL, '7fc041da20a13a8d', 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO devices VALUES ('pump-8', 'plant-a', 1, 'scrypt:ln=14,r=8,p=1:nPrUyPFsiqJn5RlYTf9nAw:Tp_44z4sqlmunxPqjBM8xO8UoGf03KxRNwIF6PHmHAA', NULL, NULL, 1795905299396, 0, '{}', '', '', 0, NULL, NULL, 0, 0, 1795906000000, NULL, '4221c75f50c33144', 0, NULL, 1795906000000, 'wrong password', '192.0.2.66', NULL);
INSERT INTO devices VALUES ('stranger-1', 'plant-b', 0, 'scrypt:unknown', NULL, NULL, 1795906000000, 0, '{}', '', '192.0.2.9', 0, NULL, NULL, 0, 0, NULL, NULL, 'a9c521dc4b569973', 0, NULL, NULL, NULL, NULL, '192.0.2.0/24');
INSERT INTO grants VALUES ('bob', 'plant-a');
INSERT INTO recovery_codes VALUES ('carol', x'0707070707070707070707070707070707070707070707070707070707070707');
INSERT INTO recovery_codes VALUES ('carol', x'0808080808080808080808080808080808080808080808080808080808080808');
INSERT INTO sessions VALUES (x'469fbd417348e9a93399fd4330cb0612d528d354ee7d4404a6389f049ccfb4dc', 'own', 'alice', 'ubNBRY83nARiK4vxm3QzdhjDQWd9V1D7qzYWLwtjZ4A', NULL, NULL, 1795905916944, 1795905916944, 1796510716944, '127.0.0.1', 'curl/7.88.1');
INSERT INTO sessions VALUES (x'7372ae90ab6e9e5d4d6821f641f469f8ecf29a7e77fa1ce5e86c5111062d2b23', 'token', 'bob', 'cnLX-m0QQNARp7iKgrWi-bd-R6s5Mi6xGVVo4GG5Mk0', NULL, NULL, 1795905916513, 1795905916513, 1795934716513, '127.0.0.1', '');
INSERT INTO former_devices VALUES ('gone-1', 1795905305578);
INSERT INTO changes VALUES (1, 'user', 'alice');
INSERT INTO changes VALUES (2, 'user', 'bob');
INSERT INTO changes VALUES (3, 'user', 'carol');
INSERT INTO changes VALUES (4, 'user', 'bob');
INSERT INTO changes VALUES (5, 'user', 'carol');
INSERT INTO changes VALUES (6, 'device', 'pump-7');
INSERT INTO changes VALUES (7, 'device', 'pump-8');
INSERT INTO changes VALUES (8, 'device', 'lamp-1');
INSERT INTO changes VALUES (9, 'device', 'gate-1');
INSERT INTO changes VALUES (10, 'device', 'gone-1');
INSERT INTO changes VALUES (11, 'device', 'gone-1');
INSERT INTO changes VALUES (12, 'session', '7372ae90ab6e9e5d4d6821f641f469f8ecf29a7e77fa1ce5e86c5111062d2b23');
INSERT INTO changes VALUES (13, 'session', '469fbd417348e9a93399fd4330cb0612d528d354ee7d4404a6389f049ccfb4dc');
INSERT INTO changes VALUES (14, 'device', 'stranger-1');
INSERT INTO changes VALUES (15, 'user', 'bob');
INSERT INTO changes VALUES (16, 'user', 'carol');
INSERT INTO changes VALUES (17, 'user', 'bob');
INSERT INTO changes VALUES (18, 'user', 'bob');
INSERT INTO changes VALUES (19, 'user', 'carol');
INSERT INTO changes VALUES (20, 'user', 'carol');
INSERT INTO changes VALUES (21, 'user', 'alice');
INSERT INTO audit VALUES (1, 1795906000000, 'log-in', 'alice', NULL, '{"time":1795906000000,"event":"log-in","allowed":true,"user":"alice","address":"192.0.2.1"}');
INSERT INTO audit VALUES (2, 1795906000001, 'device-access', 'bob', 'pump-7', '{"time":1795906000001,"event":"device-access","allowed":true,"user":"bob","device":"pump-7","address":"192.0.2.2"}');
INSERT INTO fleet_schema VALUES ('api', 1);
INSERT INTO fleet_schema VALUES ('devices', 1);
INSERT INTO fleet_schema VALUES ('events', 1);
INSERT INTO fleet_schema VALUES ('rights', 1);
INSERT INTO fleet_schema VALUES ('directories', 2);
INSERT INTO fleet_schema VALUES ('people', 1);
INSERT INTO fleet_schema VALUES ('webhooks', 1);
INSERT INTO fleet_schema VALUES ('enrolment', 1);
INSERT INTO fleet_calls VALUES ('alice', 'once-1', x'0505050505050505050505050505050505050505050505050505050505050505', 1795906000000);
INSERT INTO fleet_domains VALUES (1, 'plant-a', 'Plant A', 'The first', 1795905297910, 50, 40, 1000000000000, 4);
INSERT INTO fleet_domains VALUES (2, 'plant-b', '', '', 1795905301314, NULL, NULL, NULL, 1);
INSERT INTO fleet_domains VALUES (3, 'empty', '', '', 1795906000000, NULL, NULL, NULL, 1);
INSERT INTO fleet_devices VALUES (1, 'e994293ea54c0a65', 'gate-1', 2, 1795905302436, 0, 'gate-1', NULL, '', '', '[]', '{}', NULL, 1);
INSERT INTO fleet_devices VALUES (2, '6dfa6ffe804b4b5c', 'lamp-1', 2, 1795905301314, 0, 'lamp-1', NULL, '', '', '[]', '{}', NULL, 1);
INSERT INTO fleet_devices VALUES (3, '7fc041da20a13a8d', 'pump-7', 1, 1795905297910, 9007199254740991, 'pump of hall 3', 'Pump of hall 3', 'the large one', 'ring first', '["pumps","hall-3"]', '{"room":"12"}', 'alice', 3);
INSERT INTO fleet_devices VALUES (4, '4221c75f50c33144', 'pump-8', 1, 1795905299396, 0, 'pump-8', NULL, '', '', '[]', '{}', NULL, 1);
INSERT INTO fleet_tags VALUES ('hall-3', 3);
INSERT INTO fleet_tags VALUES ('pumps', 3);
INSERT INTO fleet_search VALUES (1, 'gate-1






');
INSERT INTO fleet_search VALUES (2, 'lamp-1






');
INSERT INTO fleet_search VALUES (3, 'pump-7
pump of hall 3
the large one
pumps
hall-3
room=12
name=the pump
targetports=80, 22
site=hall 3

');
INSERT INTO fleet_search VALUES (4, 'pump-8






');
INSERT INTO fleet_connections VALUES (1, 3, 1, 1795906000005, NULL, '192.0.2.7', 'rm-agent/0.1.0', 123456789, 4096);
INSERT INTO fleet_calendar VALUES (1, '2026-11-28');
INSERT INTO fleet_traffic VALUES (3, '2026-11-28', 1000, 500);
INSERT INTO fleet_domain_traffic VALUES (1, '2026-11', 1000, 500);
INSERT INTO fleet_events VALUES (1, 1795906000000, 'device.online', 'pump-7', '7fc041da20a13a8d', 'plant-a', NULL, '{"properties":{"name":"The pump"}}');
INSERT INTO fleet_groups VALUES ('night', 'the night shift', 1795906000000);
INSERT INTO fleet_members VALUES ('bob', 'night', 'api');
INSERT INTO fleet_members VALUES ('carol', 'night', 'api');
INSERT INTO fleet_grants VALUES ('00000000-0000-4000-8000-000000000001', 'bob', NULL, 'operator', 'plant-a', NULL, NULL, NULL, 1795906000000, 'alice');
INSERT INTO fleet_grants VALUES ('00000000-0000-4000-8000-000000000002', NULL, 'night', 'user', NULL, 'lamp-1', '["web",22]', 4102444800000, 1795906000000, 'alice');
INSERT INTO fleet_grants VALUES ('00000000-0000-4000-8000-000000000003', 'carol', NULL, 'auditor', NULL, NULL, NULL, NULL, 1795906000000, 'alice');
INSERT INTO fleet_keys VALUES ('00000000-0000-4000-8000-000000000004', 'alice', 'build', x'765009033fd884fc3f2d8795a89bb3f3d6e9acb60556651f546d7b12849fc5eb', '["devices.read","domains.read"]', '[{"domain":"plant-a"},{"device":"lamp-1","uid":"6dfa6ffe804b4b5c"}]', 1795906000000, NULL, 1795906000000, '192.0.2.3');
INSERT INTO fleet_directory_members VALUES ('carol', 'bba8529ab3c75673', NULL, 'ldap', 'cn=carol,dc=example', 'carol', 4102444800000, 0, NULL, 0);
INSERT INTO fleet_oidc_sessions VALUES (x'469fbd417348e9a93399fd4330cb0612d528d354ee7d4404a6389f049ccfb4dc', 'https://id.example.com', 'subject-1', 'session-1');
INSERT INTO fleet_people VALUES ('bob', 'person', 'Bob B', 'bob@example.com');
INSERT INTO fleet_invitations VALUES (x'0101010101010101010101010101010101010101010101010101010101010101', 'bob', 'reset', 1795906000000, 4102444800000);
INSERT INTO fleet_webhooks VALUES ('wh_first', 'https://hooks.example.com/fleet', 'chat', '["device.online"]', 'plant-a', 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', NULL, NULL, 0, 'its receiver has failed for 5 days', 1795906000000, 1, 1795906000000, 'alice', 2);
INSERT INTO fleet_deliveries VALUES (1, 'wh_first', 'msg_1', 'device.online', '{"type":"device.online"}', 'failed', 10, 1795906000000, NULL, 1795906000000, 500, NULL, 'no', 12);
INSERT INTO fleet_enrolment_keys VALUES ('00000000-0000-4000-8000-000000000005', x'0202020202020202020202020202020202020202020202020202020202020202', 'line 3', 'plant-a', 'pump-', 1, 500, 2, 4102444800000, 1795906000000, 'alice', 1795906000000);
INSERT INTO fleet_enrolments VALUES ('pump-8', x'0404040404040404040404040404040404040404040404040404040404040404', '1111111111111111111111111111111111111111111111111111111111111111', 'enrolled', 'key', 'plant-a', '00000000-0000-4000-8000-000000000005', NULL, '4221c75f50c33144', 'scrypt:ln=14,r=8,p=1:nPrUyPFsiqJn5RlYTf9nAw:Tp_44z4sqlmunxPqjBM8xO8UoGf03KxRNwIF6PHmHAA', '192.0.2.8', '192.0.2.0/24', 1795906000000, 1795906000000);
INSERT INTO fleet_enrolments VALUES ('pump-9', x'0303030303030303030303030303030303030303030303030303030303030303', '0000000000000000000000000000000000000000000000000000000000000000', 'waiting', 'approval', 'plant-a', '00000000-0000-4000-8000-000000000005', 'K7QF3MXD', NULL, NULL, '192.0.2.8', '192.0.2.0/24', 1795906000000, 1795906000000);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('changes', 21);
INSERT INTO sqlite_sequence VALUES ('audit', 2);
INSERT INTO sqlite_sequence VALUES ('fleet_domains', 3);
INSERT INTO sqlite_sequence VALUES ('fleet_devices', 4);
INSERT INTO sqlite_sequence VALUES ('fleet_connections', 1);
INSERT INTO sqlite_sequence VALUES ('fleet_events', 1);
INSERT INTO sqlite_sequence VALUES ('fleet_deliveries', 1);
INSERT INTO fleet_trigrams (fleet_trigrams) VALUES ('rebuild');
CREATE INDEX sessions_of_user ON sessions (user, kind, used);
CREATE INDEX sessions_of_parent ON sessions (parent);
CREATE INDEX sessions_used ON sessions (used);
CREATE INDEX sessions_expire ON sessions (expires);
CREATE UNIQUE INDEX devices_uid ON devices (uid);
CREATE INDEX devices_of_domain ON devices (domain, id) WHERE claimed = 1;
CREATE INDEX devices_unclaimed ON devices (address) WHERE claimed = 0;
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
CREATE INDEX audit_time ON audit (time);
CREATE INDEX audit_of_user ON audit (user, sequence);
CREATE INDEX audit_of_device ON audit (device, sequence);
CREATE INDEX devices_unclaimed_of_network ON devices (network) WHERE claimed = 0;
CREATE INDEX fleet_calls_created ON fleet_calls (created);
CREATE INDEX fleet_devices_by_id ON fleet_devices (id, number, domain, seen, created);
CREATE INDEX fleet_devices_by_label ON fleet_devices (label, number, domain, seen, created);
CREATE INDEX fleet_devices_by_created ON fleet_devices (created, number, domain, seen);
CREATE INDEX fleet_devices_by_seen ON fleet_devices (seen, number, domain, created);
CREATE INDEX fleet_devices_of_domain ON fleet_devices (domain, seen, number);
CREATE INDEX fleet_tags_of_device ON fleet_tags (number);
CREATE INDEX fleet_connections_of_device ON fleet_connections (number, sequence);
CREATE INDEX fleet_traffic_of_day ON fleet_traffic (day);
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
     UPDATE fleet_devices SET label = (SELECT lower(substr(coalesce(nullif(NEW.name, ''), nullif(json_extract(d.properties, '$.name'), ''), d.id), 1, 200)) FROM devices d WHERE d.uid = NEW.uid)
       WHERE number = NEW.number;
     UPDATE fleet_search SET text = (SELECT text FROM fleet_texts WHERE number = NEW.number) WHERE number = NEW.number;
   END;
CREATE TRIGGER fleet_devices_on_tag AFTER UPDATE OF tags ON fleet_devices WHEN NEW.tags IS NOT OLD.tags BEGIN
     DELETE FROM fleet_tags WHERE number = NEW.number;
     INSERT OR IGNORE INTO fleet_tags SELECT value, NEW.number FROM json_each(NEW.tags);
   END;
CREATE TRIGGER fleet_devices_on_add AFTER INSERT ON devices WHEN NEW.claimed = 1 BEGIN 
  INSERT OR IGNORE INTO fleet_domains (id, created) VALUES (NEW.domain, NEW.created);
  INSERT INTO fleet_devices (uid, id, domain, created, seen, label)
    SELECT NEW.uid, NEW.id, number, NEW.created, CASE WHEN NEW.online = 1 THEN 9007199254740991 ELSE max(coalesce(NEW.last_seen, 0), coalesce(NEW.last_connect, 0)) END, lower(substr(coalesce(nullif(NULL, ''), nullif(json_extract(NEW.properties, '$.name'), ''), NEW.id), 1, 200))
    FROM fleet_domains WHERE id = NEW.domain;
   END;
CREATE TRIGGER fleet_devices_on_claim AFTER UPDATE OF claimed ON devices
     WHEN NEW.claimed = 1 AND OLD.claimed = 0 BEGIN 
  INSERT OR IGNORE INTO fleet_domains (id, created) VALUES (NEW.domain, NEW.created);
  INSERT INTO fleet_devices (uid, id, domain, created, seen, label)
    SELECT NEW.uid, NEW.id, number, NEW.created, CASE WHEN NEW.online = 1 THEN 9007199254740991 ELSE max(coalesce(NEW.last_seen, 0), coalesce(NEW.last_connect, 0)) END, lower(substr(coalesce(nullif(NULL, ''), nullif(json_extract(NEW.properties, '$.name'), ''), NEW.id), 1, 200))
    FROM fleet_domains WHERE id = NEW.domain;
   END;
CREATE TRIGGER fleet_devices_on_move AFTER UPDATE OF domain ON devices
     WHEN NEW.claimed = 1 AND OLD.claimed = 1 AND NEW.domain IS NOT OLD.domain BEGIN
     INSERT OR IGNORE INTO fleet_domains (id, created) VALUES (NEW.domain, NEW.created);
     UPDATE fleet_devices SET domain = (SELECT number FROM fleet_domains WHERE id = NEW.domain) WHERE uid = NEW.uid;
   END;
CREATE TRIGGER fleet_devices_on_seen AFTER UPDATE OF online, last_connect, last_seen ON devices BEGIN
     UPDATE fleet_devices SET seen = CASE WHEN NEW.online = 1 THEN 9007199254740991 ELSE max(coalesce(NEW.last_seen, 0), coalesce(NEW.last_connect, 0)) END WHERE uid = NEW.uid AND seen <> CASE WHEN NEW.online = 1 THEN 9007199254740991 ELSE max(coalesce(NEW.last_seen, 0), coalesce(NEW.last_connect, 0)) END;
   END;
CREATE TRIGGER fleet_devices_on_said AFTER UPDATE OF properties ON devices
     WHEN NEW.properties IS NOT OLD.properties AND NEW.claimed = 1 BEGIN
     UPDATE fleet_devices SET label = lower(substr(coalesce(nullif(name, ''), nullif(json_extract(NEW.properties, '$.name'), ''), NEW.id), 1, 200))
       WHERE uid = NEW.uid AND label IS NOT lower(substr(coalesce(nullif(name, ''), nullif(json_extract(NEW.properties, '$.name'), ''), NEW.id), 1, 200));
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
           ORDER BY c.sequence DESC LIMIT 1 OFFSET 100);
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
CREATE TRIGGER fleet_event_added AFTER INSERT ON devices WHEN NEW.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER), 'device.added', NEW.id, NEW.uid, NEW.domain);
   END;
CREATE TRIGGER fleet_event_claimed AFTER UPDATE OF claimed ON devices WHEN OLD.claimed = 0 AND NEW.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER), 'device.claimed', NEW.id, NEW.uid, NEW.domain);
   END;
CREATE TRIGGER fleet_event_moved AFTER UPDATE OF domain ON devices WHEN NEW.claimed = 1 AND OLD.domain <> NEW.domain BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER), 'device.removed', NEW.id, NEW.uid, OLD.domain), (CAST(unixepoch('subsec') * 1000 AS INTEGER), 'device.added', NEW.id, NEW.uid, NEW.domain);
   END;
CREATE TRIGGER fleet_event_removed AFTER DELETE ON devices WHEN OLD.claimed = 1 BEGIN
     INSERT INTO fleet_events (time, kind, device, uid, domain)
     VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER), 'device.removed', OLD.id, OLD.uid, OLD.domain);
   END;
CREATE INDEX fleet_members_of_group ON fleet_members (team, user);
CREATE INDEX fleet_grants_of_user ON fleet_grants (user);
CREATE INDEX fleet_grants_of_group ON fleet_grants (team);
CREATE INDEX fleet_grants_of_device ON fleet_grants (device);
CREATE UNIQUE INDEX fleet_keys_hash ON fleet_keys (hash);
CREATE TRIGGER fleet_member_added AFTER INSERT ON fleet_members BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
CREATE TRIGGER fleet_member_removed AFTER DELETE ON fleet_members BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', OLD.user);
   END;
CREATE TRIGGER fleet_grant_added AFTER INSERT ON fleet_grants BEGIN INSERT INTO changes (kind, key) SELECT 'user', NEW.user WHERE NEW.user IS NOT NULL
     UNION SELECT 'user', user FROM fleet_members WHERE team = NEW.team; END;
CREATE TRIGGER fleet_grant_changed AFTER UPDATE ON fleet_grants BEGIN
     INSERT INTO changes (kind, key) SELECT 'user', OLD.user WHERE OLD.user IS NOT NULL
     UNION SELECT 'user', user FROM fleet_members WHERE team = OLD.team; INSERT INTO changes (kind, key) SELECT 'user', NEW.user WHERE NEW.user IS NOT NULL
     UNION SELECT 'user', user FROM fleet_members WHERE team = NEW.team;
   END;
CREATE TRIGGER fleet_grant_removed AFTER DELETE ON fleet_grants BEGIN INSERT INTO changes (kind, key) SELECT 'user', OLD.user WHERE OLD.user IS NOT NULL
     UNION SELECT 'user', user FROM fleet_members WHERE team = OLD.team; END;
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
   END;
CREATE UNIQUE INDEX fleet_directory_members_of_source ON fleet_directory_members (source, id);
CREATE INDEX fleet_directory_members_by_login ON fleet_directory_members (source, login);
CREATE INDEX fleet_directory_members_until ON fleet_directory_members (until) WHERE ended = 0;
CREATE INDEX fleet_oidc_sessions_of_subject ON fleet_oidc_sessions (provider, subject);
CREATE INDEX fleet_oidc_sessions_of_session ON fleet_oidc_sessions (provider, session);
CREATE TRIGGER fleet_directory_member_ended AFTER UPDATE OF ended ON fleet_directory_members
   WHEN OLD.ended <> NEW.ended BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;
CREATE UNIQUE INDEX fleet_people_email ON fleet_people (email COLLATE NOCASE) WHERE email IS NOT NULL;
CREATE INDEX fleet_invitations_of_user ON fleet_invitations (user, created);
CREATE INDEX fleet_deliveries_of_webhook ON fleet_deliveries (webhook, id);
CREATE INDEX fleet_deliveries_waiting ON fleet_deliveries (webhook, next) WHERE state = 'waiting';
CREATE TRIGGER fleet_webhooks_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_webhooks WHERE domain = OLD.id;
   END;
CREATE INDEX fleet_enrolment_keys_by_age ON fleet_enrolment_keys (created, id);
CREATE INDEX fleet_enrolments_of_secret ON fleet_enrolments (secret);
CREATE INDEX fleet_enrolments_of_device ON fleet_enrolments (uid);
CREATE INDEX fleet_enrolments_waiting ON fleet_enrolments (state, network, seen);
CREATE TRIGGER fleet_enrolment_domain_removed AFTER DELETE ON fleet_domains BEGIN
     DELETE FROM fleet_enrolment_keys WHERE domain = OLD.id;
     DELETE FROM fleet_enrolments WHERE domain = OLD.id AND state <> 'enrolled';
   END;
