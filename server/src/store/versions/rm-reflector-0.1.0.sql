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
INSERT INTO settings VALUES ('audit_of', x'2f7661722f6c69622f726d2d7265666c6563746f722f7265666c6563746f722e73716c697465');
INSERT INTO settings VALUES ('fingerprint_key', x'8f25d9ec6ca19e5b3021942510d18b4a6debef00cb3b95ef3a0b816437eee968');
INSERT INTO settings VALUES ('token_key', x'61f3ee014daaa4c09664e957a23218faf9059413bf53a123a7db450fe7d14473');
INSERT INTO settings VALUES ('url', x'687474703a2f2f6c6f63616c686f73743a31383437312f');
INSERT INTO users VALUES ('alice', 'scrypt:ln=14,r=8,p=1:Ut4O7imAYhCf5iYbAK-rmQ:1KwYQqAnJxyNICwf3ZtVV1_y1tZ0z5iC3ZU8Q-HvaTA', 1795905288907, 1, NULL, 0, '26839702098d0966');
INSERT INTO users VALUES ('bob', 'scrypt:ln=14,r=8,p=1:DICgmpRsnVSTmfQapyqU7g:IN4f3Wv_9sn0KlBJpM4OyEcw_y21k5TkWQU41bfb8So', 1795905290471, 0, NULL, 0, '2b42dd507df14163');
INSERT INTO users VALUES ('carol', 'scrypt:ln=14,r=8,p=1:Xw5YyiVHK7QYheqJCT4OsA:gTqMW-8SZN9KlnFuraZC5Vr-V-McSbyd-POCkszILGk', 1795905291974, 0, x'3132333435363738393031323334353637383930', 1, 'bba8529ab3c75673');
INSERT INTO devices VALUES ('gate-1', 'plant-b', 1, 'scrypt:ln=14,r=8,p=1:Ko2dQh3cvoXwbkTNOIrnZQ:WPqvp-iTTTgh8MJnG-KkUf-uC5YEUYjjRu0iZKxPN-4', NULL, NULL, 1795905302436, 0, '{}', '', '', 0, NULL, NULL, 0, 0, NULL, NULL, 'e994293ea54c0a65', 0, 1795818902436, NULL, NULL, NULL, NULL);
INSERT INTO devices VALUES ('lamp-1', 'plant-b', 1, 'scrypt:ln=14,r=8,p=1:EfPSSvZH071HDV-yfYtP_w:9jbH0WlgJfStAEPfA7vxLVtlVFiBgJDkANmTDabJHiY', 'dd6804b5dcd26968475adb84a6d177bef5986a7439b4840f1ab5349112d6ada3', '411c4fb40986484a5b18c8413c50e25e', 1795905301314, 0, '{}', '', '', 0, NULL, NULL, 0, 0, NULL, x'61d089499ff6104842a90b8880e26365007d1de644b207848a1bee4c26d4afdb', '6dfa6ffe804b4b5c', 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO devices VALUES ('pump-7', 'plant-a', 1, 'scrypt:ln=14,r=8,p=1:beobmuJyAK5idaQZX9AQpQ:z0QupHjTYn8-rm470lPXyF_o4ILrpPTVnteu1DU_wLU', NULL, NULL, 1795905297910, 1, '{"name":"The pump","targetPorts":"80, 22","site":"Hall 3"}', 'rm-agent/0.1.0', '192.0.2.7', 3, 1795906000000, 1795905940000, 123456789, 4096, NULL, NULL, '7fc041da20a13a8d', 0, NULL, NULL, NULL, NULL, NULL);
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
INSERT INTO audit VALUES (1, 1795906000000, 'log-in', 'alice', NULL, '{"time":1795906000000,"event":"log-in","allowed":true,"user":"alice","address":"192.0.2.1"}');
INSERT INTO audit VALUES (2, 1795906000001, 'device-access', 'bob', 'pump-7', '{"time":1795906000001,"event":"device-access","allowed":true,"user":"bob","device":"pump-7","address":"192.0.2.2"}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('changes', 14);
INSERT INTO sqlite_sequence VALUES ('audit', 2);
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
