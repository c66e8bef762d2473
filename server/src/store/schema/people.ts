/** What the server knows of users beside the reflector, one-use secrets that were sent by mail, and what users have chosen for pages. */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_people (
     name TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
     kind TEXT NOT NULL,
     full_name TEXT NOT NULL,
     email TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX fleet_people_email ON fleet_people (email COLLATE NOCASE) WHERE email IS NOT NULL;
   CREATE TABLE fleet_invitations (
     hash BLOB PRIMARY KEY,
     user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
     purpose TEXT NOT NULL,
     created INTEGER NOT NULL,
     expires INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fleet_invitations_of_user ON fleet_invitations (user, created);`,
  // A mail counts for the password and the mail address that there were when it was sent.
  `CREATE TRIGGER fleet_invitations_password AFTER UPDATE OF password ON users WHEN OLD.password <> NEW.password BEGIN
     UPDATE fleet_invitations SET expires = 0 WHERE user = NEW.name;
   END;
   CREATE TRIGGER fleet_invitations_email AFTER UPDATE OF email ON fleet_people WHEN OLD.email IS NOT NEW.email BEGIN
     UPDATE fleet_invitations SET expires = 0 WHERE user = NEW.name;
   END;`,
  `CREATE TABLE fleet_preferences (
     user TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];
