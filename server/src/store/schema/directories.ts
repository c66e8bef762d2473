/** Users who come from a directory. */
export const steps: readonly string[] = [
  // No reference to `users`: a row is there before its user is.
  `CREATE TABLE fleet_directory_members (
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
   CREATE UNIQUE INDEX fleet_directory_members_of_source ON fleet_directory_members (source, id);
   CREATE INDEX fleet_directory_members_by_login ON fleet_directory_members (source, login);
   CREATE INDEX fleet_directory_members_until ON fleet_directory_members (until) WHERE ended = 0;
   CREATE TABLE fleet_oidc_sessions (
     hash BLOB PRIMARY KEY REFERENCES sessions (hash) ON DELETE CASCADE,
     provider TEXT NOT NULL,
     subject TEXT NOT NULL,
     session TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_oidc_sessions_of_subject ON fleet_oidc_sessions (provider, subject);
   CREATE INDEX fleet_oidc_sessions_of_session ON fleet_oidc_sessions (provider, session);`,
  // API keys of a member who is out count no more, whatever was granted here.
  `CREATE TRIGGER fleet_directory_member_ended AFTER UPDATE OF ended ON fleet_directory_members
   WHEN OLD.ended <> NEW.ended BEGIN
     INSERT INTO changes (kind, key) VALUES ('user', NEW.user);
   END;`,
  // By which the provider knows the session again when it is to end there.
  'ALTER TABLE fleet_oidc_sessions ADD COLUMN id_token TEXT;',
];
