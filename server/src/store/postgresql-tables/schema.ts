/** A text that is compared byte by byte, as SQLite does. */
const text = 'text COLLATE "C"';

/** Runs `body` after each row of `table` that `event` is about. */
function trigger(name: string, event: string, table: string, body: string): string {
  return `CREATE FUNCTION rm_server.${name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     BEGIN
       ${body}
       RETURN NULL;
     END $$;
   CREATE TRIGGER ${name} AFTER ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION rm_server.${name}();`;
}

const users = 'rm_reflector.users (name) ON DELETE CASCADE';
const note = (names: string) => `PERFORM rm_reflector.note_changes('user', ARRAY(${names}));`;
const ofGrant = (row: 'NEW' | 'OLD') =>
  `SELECT ${row}."user" WHERE ${row}."user" IS NOT NULL
   UNION SELECT "user" FROM rm_server.fleet_members WHERE team = ${row}.team`;

/** Calls that are not to be done twice. */
const api = [
  `CREATE TABLE rm_server.fleet_calls (
     "user" ${text} NOT NULL REFERENCES ${users},
     key ${text} NOT NULL,
     call bytea NOT NULL,
     created bigint NOT NULL,
     PRIMARY KEY ("user", key)
   );
   CREATE INDEX fleet_calls_created ON rm_server.fleet_calls (created);`,
];

/** Groups, grants and API keys. Triggers tell the reflector's change feed whose rights are others now. */
const rights = [
  `CREATE TABLE rm_server.fleet_groups (
     name ${text} PRIMARY KEY,
     description text NOT NULL,
     created bigint NOT NULL
   );
   CREATE TABLE rm_server.fleet_members (
     "user" ${text} NOT NULL REFERENCES ${users},
     team ${text} NOT NULL REFERENCES rm_server.fleet_groups (name) ON DELETE CASCADE,
     source ${text} NOT NULL,
     PRIMARY KEY ("user", team, source)
   );
   CREATE INDEX fleet_members_of_group ON rm_server.fleet_members (team, "user");
   CREATE TABLE rm_server.fleet_grants (
     id ${text} PRIMARY KEY,
     "user" ${text} REFERENCES ${users},
     team ${text} REFERENCES rm_server.fleet_groups (name) ON DELETE CASCADE,
     role text NOT NULL,
     domain ${text},
     device ${text} REFERENCES rm_reflector.devices (id) ON DELETE CASCADE,
     ports text,
     until bigint,
     created bigint NOT NULL,
     created_by ${text} NOT NULL,
     CHECK (("user" IS NULL) <> (team IS NULL)),
     CHECK (domain IS NULL OR device IS NULL)
   );
   CREATE INDEX fleet_grants_of_user ON rm_server.fleet_grants ("user");
   CREATE INDEX fleet_grants_of_group ON rm_server.fleet_grants (team);
   CREATE INDEX fleet_grants_of_device ON rm_server.fleet_grants (device);
   CREATE TABLE rm_server.fleet_keys (
     id ${text} PRIMARY KEY,
     "user" ${text} NOT NULL REFERENCES ${users},
     name ${text} NOT NULL,
     hash bytea NOT NULL,
     permissions text NOT NULL,
     targets text,
     created bigint NOT NULL,
     expires bigint,
     used bigint,
     address text,
     UNIQUE ("user", name)
   );
   CREATE UNIQUE INDEX fleet_keys_hash ON rm_server.fleet_keys (hash);
   ${trigger('fleet_member_added', 'INSERT', 'rm_server.fleet_members', note('SELECT NEW."user"'))}
   ${trigger('fleet_member_removed', 'DELETE', 'rm_server.fleet_members', note('SELECT OLD."user"'))}
   ${trigger('fleet_grant_added', 'INSERT', 'rm_server.fleet_grants', note(ofGrant('NEW')))}
   ${trigger('fleet_grant_changed', 'UPDATE', 'rm_server.fleet_grants', note(`${ofGrant('OLD')} UNION ${ofGrant('NEW')}`))}
   ${trigger('fleet_grant_removed', 'DELETE', 'rm_server.fleet_grants', note(ofGrant('OLD')))}
   ${trigger('fleet_key_added', 'INSERT', 'rm_server.fleet_keys', note('SELECT NEW."user"'))}
   ${trigger('fleet_key_changed', 'UPDATE OF "user", hash, permissions, targets, expires', 'rm_server.fleet_keys', note('SELECT NEW."user"'))}
   ${trigger('fleet_key_removed', 'DELETE', 'rm_server.fleet_keys', note('SELECT OLD."user"'))}
   ${trigger(
     'fleet_rights_device_moved',
     'UPDATE OF domain',
     'rm_reflector.devices',
     `IF OLD.domain <> NEW.domain THEN
         ${note(`SELECT "user" FROM rm_server.fleet_grants WHERE device = NEW.id AND "user" IS NOT NULL
           UNION SELECT m."user" FROM rm_server.fleet_grants JOIN rm_server.fleet_members AS m USING (team)
             WHERE device = NEW.id
           UNION SELECT "user" FROM rm_server.fleet_keys WHERE strpos(targets, '"' || NEW.uid || '"') > 0`)}
       END IF;`,
   )}`,
];

/** Users who come from a directory. */
const directories = [
  // No reference to `users`: a row is there before its user is.
  `CREATE TABLE rm_server.fleet_directory_members (
     "user" ${text} PRIMARY KEY,
     uid ${text},
     claim text,
     source ${text} NOT NULL,
     id ${text} NOT NULL,
     login ${text} NOT NULL,
     until bigint NOT NULL,
     ended integer NOT NULL DEFAULT 0,
     offline text,
     offline_until bigint NOT NULL DEFAULT 0
   );
   CREATE UNIQUE INDEX fleet_directory_members_of_source ON rm_server.fleet_directory_members (source, id);
   CREATE INDEX fleet_directory_members_by_login ON rm_server.fleet_directory_members (source, login);
   CREATE INDEX fleet_directory_members_until ON rm_server.fleet_directory_members (until) WHERE ended = 0;
   CREATE TABLE rm_server.fleet_oidc_sessions (
     hash bytea PRIMARY KEY REFERENCES rm_reflector.sessions (hash) ON DELETE CASCADE,
     provider ${text} NOT NULL,
     subject ${text} NOT NULL,
     session ${text},
     id_token text
   );
   CREATE INDEX fleet_oidc_sessions_of_subject ON rm_server.fleet_oidc_sessions (provider, subject);
   CREATE INDEX fleet_oidc_sessions_of_session ON rm_server.fleet_oidc_sessions (provider, session);
   ${trigger(
     'fleet_directory_member_ended',
     'UPDATE OF ended',
     'rm_server.fleet_directory_members',
     `IF OLD.ended <> NEW.ended THEN ${note('SELECT NEW."user"')} END IF;`,
   )}`,
];

/** What the server knows of users beside the reflector, one-use secrets, and what users have chosen for pages. */
const people = [
  `CREATE TABLE rm_server.fleet_people (
     name ${text} PRIMARY KEY REFERENCES ${users},
     kind text NOT NULL,
     full_name ${text} NOT NULL,
     email ${text}
   );
   CREATE UNIQUE INDEX fleet_people_email ON rm_server.fleet_people (lower(email)) WHERE email IS NOT NULL;
   CREATE TABLE rm_server.fleet_invitations (
     hash bytea PRIMARY KEY,
     "user" ${text} NOT NULL REFERENCES ${users},
     purpose text NOT NULL,
     created bigint NOT NULL,
     expires bigint NOT NULL
   );
   CREATE INDEX fleet_invitations_of_user ON rm_server.fleet_invitations ("user", created);
   CREATE TABLE rm_server.fleet_preferences ("user" ${text} PRIMARY KEY REFERENCES ${users}, value text NOT NULL);
   ${trigger(
     'fleet_invitations_password',
     'UPDATE OF password',
     'rm_reflector.users',
     `IF OLD.password <> NEW.password THEN
         UPDATE rm_server.fleet_invitations SET expires = 0 WHERE "user" = NEW.name;
       END IF;`,
   )}
   ${trigger(
     'fleet_invitations_email',
     'UPDATE OF email',
     'rm_server.fleet_people',
     `IF OLD.email IS DISTINCT FROM NEW.email THEN
         UPDATE rm_server.fleet_invitations SET expires = 0 WHERE "user" = NEW.name;
       END IF;`,
   )}`,
];

/**
 * The tables of the server, by part, with the names and columns that they have in SQLite. Each part has a version of its own,
 * which counts the steps done. A published step never changes.
 */
export const schema: Readonly<Record<string, readonly string[]>> = { api, rights, directories, people };
