import { connectionsRemembered, searchableCharacters, seenNow } from '../schema/devices.ts';

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

/** Runs a statement that is planned each time: a plan that was made for one row takes seconds for a thousand. */
const planned = (statement: string) => `EXECUTE $statement$${statement}$statement$`;

/** Runs `body` after each statement that inserts rows into `table`, or updates or deletes some: the tables `before` and `after` have them. */
function statementTrigger(
  name: string,
  event: 'INSERT' | 'UPDATE' | 'DELETE',
  table: string,
  body: string,
  variables = '',
): string {
  const before = event === 'INSERT' ? '' : 'OLD TABLE AS before';
  const after = event === 'DELETE' ? '' : 'NEW TABLE AS after';
  return `CREATE FUNCTION rm_server.${name}() RETURNS trigger LANGUAGE plpgsql
     SET search_path = pg_catalog SET jit = off AS $$
     ${variables}
     BEGIN
       ${body}
       RETURN NULL;
     END $$;
   CREATE TRIGGER ${name} AFTER ${event} ON ${table} REFERENCING ${before} ${after}
     FOR EACH STATEMENT EXECUTE FUNCTION rm_server.${name}();`;
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

/** Escapes in JSON, as regular expressions of PostgreSQL: a NUL, and a half of a surrogate pair. */
const unreadable = String.raw`\\u(?:0000|d[89a-f][0-9a-f]{2})`;

/** Wall-clock ms. */
const now = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** A device was off line between two connections of a batch. */
const seenToEnd = 'b.online AND a.online AND a.last_seen IS DISTINCT FROM b.last_seen';

const seen = (row: string) =>
  `CASE WHEN ${row}.online THEN ${seenNow} ELSE greatest(coalesce(${row}.last_seen, 0), coalesce(${row}.last_connect, 0)) END`;

const label = (name: string, row: string) =>
  `lower(substr(coalesce(nullif(${name}, ''), nullif(rm_server.json_of(${row}.properties) ->> 'name', ''), ${row}.id), 1, 200)
     COLLATE "C")`;

/** Statements that record devices of `rows`, a table with their columns, as `d`. */
const register = (rows: string, condition: string) => [
  `INSERT INTO rm_server.fleet_domains (id, created)
     SELECT d.domain, min(d.created) FROM ${rows} WHERE ${condition} GROUP BY d.domain ORDER BY d.domain
     ON CONFLICT (id) DO NOTHING`,
  `INSERT INTO rm_server.fleet_devices (uid, id, domain, created, seen, label)
     SELECT d.uid, d.id, m.number, d.created, ${seen('d')}, ${label('NULL', 'd')}
     FROM ${rows} JOIN rm_server.fleet_domains AS m ON m.id = d.domain WHERE ${condition} ORDER BY d.id`,
];
const registerAdded = register('after AS d', 'd.claimed').map(planned);

const lines = (elements: string, columns: string, line: string) =>
  `coalesce((SELECT string_agg(${line}, E'\\n' ORDER BY n) FROM ${elements} WITH ORDINALITY AS l (${columns}, n)), '')`;
const tagLines = lines('json_array_elements_text(rm_server.json_of(f.tags))', 'value', 'value');
const propertyLines = (json: string) =>
  lines(`json_each_text(rm_server.json_of(${json}))`, 'key, value', "key || '=' || value");

/** Devices before and after a statement. */
const pairs = 'before AS b JOIN after AS a ON a.id = b.id';
/** With their number. */
const changedDevices = `${pairs} JOIN rm_server.fleet_devices AS f ON f.uid = a.uid`;

/** What was counted before a connection began that is new in the statement. */
const counted = (column: string) => `(CASE WHEN b.online THEN a.${column} ELSE b.${column} END)`;

const isMoved = 'a.claimed AND b.claimed AND a.domain <> b.domain';
const today = '(SELECT day FROM rm_server.fleet_calendar)';
const isCounted = 'a.bytes_from <> b.bytes_from OR a.bytes_to <> b.bytes_to';

/** What follows from an update of devices, each part only where something of its kind has changed. */
const followChanges = `${planned(`SELECT bool_or(a.claimed AND NOT b.claimed) AS claimed, bool_or(${isMoved}) AS moved,
           bool_or(a.properties <> b.properties) AS described, bool_or(a.connects > b.connects) AS connected,
           bool_or(b.online AND NOT a.online AND a.connects = b.connects) AS disconnected,
           bool_or(a.online <> b.online OR a.last_connect IS DISTINCT FROM b.last_connect
             OR a.last_seen IS DISTINCT FROM b.last_seen) AS seen,
           bool_or(${isCounted}) AS counted FROM ${pairs}`)} INTO has;
       IF has.claimed THEN
         ${register(`${pairs.replace('AS a', 'AS d').replace('a.id', 'd.id')}`, 'd.claimed AND NOT b.claimed')
           .map(planned)
           .join(';\n')};
       END IF;
       IF has.moved THEN
         ${planned(`INSERT INTO rm_server.fleet_domains (id, created)
           SELECT a.domain, min(a.created) FROM ${pairs} WHERE ${isMoved} GROUP BY a.domain ORDER BY a.domain
           ON CONFLICT (id) DO NOTHING`)};
         ${planned(`UPDATE rm_server.fleet_devices AS f SET domain = m.number
           FROM ${pairs} JOIN rm_server.fleet_domains AS m ON m.id = a.domain WHERE f.uid = a.uid AND ${isMoved}`)};
       END IF;
       IF has.described THEN
         ${planned(`UPDATE rm_server.fleet_devices AS f SET label = ${label('f.name', 'a')}
           FROM ${pairs} WHERE f.uid = a.uid AND a.properties <> b.properties AND f.label <> ${label('f.name', 'a')}`)};
         ${planned(`UPDATE rm_server.fleet_search AS s SET text = t.text
           FROM ${changedDevices} JOIN rm_server.fleet_texts AS t ON t.number = f.number
           WHERE s.number = f.number AND a.properties <> b.properties AND s.text <> t.text`)};
       END IF;
       IF has.connected THEN
         -- One that lasts when the next one begins was replaced by it, unless it was seen to end.
         ${planned(`UPDATE rm_server.fleet_connections AS c SET live = 0,
             ended = CASE WHEN ${seenToEnd} THEN a.last_seen ELSE a.last_connect END,
             end_cause = CASE WHEN ${seenToEnd} THEN NULL ELSE 'replaced' END,
             end_reason = CASE WHEN ${seenToEnd} THEN NULL ELSE 'replaced by a newer tunnel of this device' END,
             bytes_from = ${counted('bytes_from')} - c.bytes_from, bytes_to = ${counted('bytes_to')} - c.bytes_to
           FROM ${changedDevices} WHERE c.number = f.number AND c.live = 1 AND a.connects > b.connects`)};
         ${planned(`INSERT INTO rm_server.fleet_connections
             (number, live, began, ended, address, agent, bytes_from, bytes_to, end_cause, end_reason, end_by)
           SELECT f.number, CAST(a.online AS integer), a.last_connect, CASE WHEN NOT a.online THEN a.last_seen END, a.address, a.agent,
             CASE WHEN a.online THEN ${counted('bytes_from')} ELSE a.bytes_from - ${counted('bytes_from')} END,
             CASE WHEN a.online THEN ${counted('bytes_to')} ELSE a.bytes_to - ${counted('bytes_to')} END,
             CASE WHEN NOT a.online THEN a.end_cause END, CASE WHEN NOT a.online THEN a.end_reason END,
             CASE WHEN NOT a.online THEN a.end_by END
           FROM ${changedDevices} WHERE a.connects > b.connects ORDER BY a.last_connect, a.id`)};
         ${planned(`DELETE FROM rm_server.fleet_connections AS c USING ${changedDevices}, LATERAL (
             SELECT o.sequence FROM rm_server.fleet_connections AS o WHERE o.number = f.number
             ORDER BY o.sequence DESC LIMIT 1 OFFSET ${connectionsRemembered}) AS last
           WHERE a.connects > b.connects AND c.number = f.number AND c.sequence <= last.sequence`)};
       END IF;
       IF has.disconnected THEN
         ${planned(`UPDATE rm_server.fleet_connections AS c SET live = 0,
             ended = CASE WHEN a.last_seen IS DISTINCT FROM b.last_seen THEN a.last_seen END,
             end_cause = a.end_cause, end_reason = a.end_reason, end_by = a.end_by,
             bytes_from = a.bytes_from - c.bytes_from, bytes_to = a.bytes_to - c.bytes_to
           FROM ${changedDevices}
           WHERE c.number = f.number AND c.live = 1 AND b.online AND NOT a.online AND a.connects = b.connects`)};
       END IF;
       IF has.seen THEN
         ${planned(`UPDATE rm_server.fleet_devices AS f SET seen = ${seen('a')}
           FROM after AS a WHERE f.uid = a.uid AND f.seen <> ${seen('a')}`)};
       END IF;
       IF has.counted THEN
         ${planned(`INSERT INTO rm_server.fleet_traffic AS t
           SELECT f.number, ${today}, a.bytes_from - b.bytes_from, a.bytes_to - b.bytes_to
           FROM ${changedDevices} WHERE ${isCounted}
           ON CONFLICT (number, day) DO UPDATE
             SET bytes_from = t.bytes_from + excluded.bytes_from, bytes_to = t.bytes_to + excluded.bytes_to`)};
         ${planned(`INSERT INTO rm_server.fleet_domain_traffic AS t
           SELECT f.domain, substr(${today}, 1, 7), sum(a.bytes_from - b.bytes_from), sum(a.bytes_to - b.bytes_to)
           FROM ${changedDevices} WHERE ${isCounted} GROUP BY f.domain
           ON CONFLICT (domain, month) DO UPDATE
             SET bytes_from = t.bytes_from + excluded.bytes_from, bytes_to = t.bytes_to + excluded.bytes_to`)};
       END IF;`;

/**
 * Domains and their quotas, and what users say of devices, as in SQLite (`store/schema/devices.ts`), but for the text index:
 * a search reads `fleet_search`. The reflector notes what becomes of many devices in one statement, and so one statement for all of
 * them follows from it. Of a device that connects several times within such a batch the last connection is remembered.
 */
const devices = [
  `-- JSON.stringify writes NUL and halves of surrogate pairs as escapes, which PostgreSQL does not read.
   CREATE FUNCTION rm_server.json_of(source text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
     SELECT CASE WHEN source ~* '${unreadable}'
       THEN regexp_replace(source, '((?<!\\\\)(?:\\\\\\\\)*)${unreadable}', '\\1\ufffd', 'gi') ELSE source END::json
   $$;
   CREATE TABLE rm_server.fleet_domains (
     number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
     id ${text} NOT NULL UNIQUE,
     name ${text} NOT NULL DEFAULT '',
     description text NOT NULL DEFAULT '',
     created bigint NOT NULL,
     device_quota bigint,
     connection_quota bigint,
     byte_quota bigint,
     version bigint NOT NULL DEFAULT 1
   );
   CREATE TABLE rm_server.fleet_devices (
     number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
     uid ${text} NOT NULL UNIQUE REFERENCES rm_reflector.devices (uid) ON DELETE CASCADE,
     id ${text} NOT NULL UNIQUE,
     domain bigint NOT NULL REFERENCES rm_server.fleet_domains (number),
     created bigint NOT NULL,
     seen bigint NOT NULL,
     label ${text} NOT NULL,
     name ${text},
     description text NOT NULL DEFAULT '',
     notes text NOT NULL DEFAULT '',
     tags text NOT NULL DEFAULT '[]',
     properties text NOT NULL DEFAULT '{}',
     created_by ${text},
     version bigint NOT NULL DEFAULT 1
   );
   CREATE INDEX fleet_devices_by_label ON rm_server.fleet_devices (label, number);
   CREATE INDEX fleet_devices_by_created ON rm_server.fleet_devices (created, number);
   CREATE INDEX fleet_devices_by_seen ON rm_server.fleet_devices (seen, number);
   CREATE INDEX fleet_devices_of_domain ON rm_server.fleet_devices (domain, seen, number);
   CREATE TABLE rm_server.fleet_tags (
     tag ${text} NOT NULL,
     number bigint NOT NULL REFERENCES rm_server.fleet_devices (number) ON DELETE CASCADE,
     PRIMARY KEY (tag, number)
   );
   CREATE INDEX fleet_tags_of_device ON rm_server.fleet_tags (number);
   CREATE TABLE rm_server.fleet_search (
     number bigint PRIMARY KEY REFERENCES rm_server.fleet_devices (number) ON DELETE CASCADE,
     text ${text} NOT NULL
   );
   CREATE TABLE rm_server.fleet_connections (
     sequence bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
     number bigint NOT NULL REFERENCES rm_server.fleet_devices (number) ON DELETE CASCADE,
     live integer NOT NULL DEFAULT 1,
     began bigint NOT NULL,
     ended bigint,
     address text NOT NULL,
     agent text NOT NULL,
     bytes_from bigint NOT NULL,
     bytes_to bigint NOT NULL,
     end_cause text,
     end_reason text,
     end_by text
   );
   CREATE INDEX fleet_connections_of_device ON rm_server.fleet_connections (number, sequence);
   CREATE TABLE rm_server.fleet_calendar (one integer PRIMARY KEY CHECK (one = 1), day ${text} NOT NULL);
   INSERT INTO rm_server.fleet_calendar VALUES (1, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'));
   CREATE TABLE rm_server.fleet_traffic (
     number bigint NOT NULL REFERENCES rm_server.fleet_devices (number) ON DELETE CASCADE,
     day ${text} NOT NULL,
     bytes_from bigint NOT NULL,
     bytes_to bigint NOT NULL,
     PRIMARY KEY (number, day)
   );
   CREATE INDEX fleet_traffic_of_day ON rm_server.fleet_traffic (day);
   CREATE TABLE rm_server.fleet_domain_traffic (
     domain bigint NOT NULL REFERENCES rm_server.fleet_domains (number) ON DELETE CASCADE,
     month ${text} NOT NULL,
     bytes_from bigint NOT NULL,
     bytes_to bigint NOT NULL,
     PRIMARY KEY (domain, month)
   );
   CREATE VIEW rm_server.fleet_texts AS
     SELECT f.number, substr(lower((d.id || E'\\n' || coalesce(f.name, '') || E'\\n' || f.description || E'\\n'
         || ${tagLines} || E'\\n' || ${propertyLines('f.properties')} || E'\\n' || ${propertyLines('d.properties')})
         COLLATE "C"), 1, ${searchableCharacters}) || E'\\n\\n' AS text
     FROM rm_server.fleet_devices AS f JOIN rm_reflector.devices AS d ON d.uid = f.uid;
   ${statementTrigger(
     'fleet_devices_on_register',
     'INSERT',
     'rm_server.fleet_devices',
     `${planned('INSERT INTO rm_server.fleet_search SELECT t.number, t.text FROM rm_server.fleet_texts AS t JOIN after USING (number)')};`,
   )}
   ${trigger(
     'fleet_devices_on_describe',
     'UPDATE OF name, description, tags, properties',
     'rm_server.fleet_devices',
     `UPDATE rm_server.fleet_devices AS f SET label = ${label('NEW.name', 'd')}
         FROM rm_reflector.devices AS d WHERE f.number = NEW.number AND d.uid = NEW.uid;
       UPDATE rm_server.fleet_search AS s SET text = t.text
         FROM rm_server.fleet_texts AS t WHERE s.number = NEW.number AND t.number = NEW.number;`,
   )}
   ${trigger(
     'fleet_devices_on_tag',
     'UPDATE OF tags',
     'rm_server.fleet_devices',
     `IF NEW.tags <> OLD.tags THEN
         DELETE FROM rm_server.fleet_tags WHERE number = NEW.number;
         INSERT INTO rm_server.fleet_tags
           SELECT DISTINCT value, NEW.number FROM json_array_elements_text(rm_server.json_of(NEW.tags)) AS l (value);
       END IF;`,
   )}
   ${statementTrigger('fleet_devices_on_add', 'INSERT', 'rm_reflector.devices', `${registerAdded.join(';\n')};`)}
   ${statementTrigger('fleet_devices_on_change', 'UPDATE', 'rm_reflector.devices', followChanges, 'DECLARE has record;')}
   ${trigger(
     'fleet_domain_removed',
     'DELETE',
     'rm_server.fleet_domains',
     'DELETE FROM rm_reflector.grants WHERE domain = OLD.id;',
   )}
   ${register('rm_reflector.devices AS d', 'd.claimed').join(';\n')};`,
];

/** Notes one event for each row of a query for `device`, `uid`, `domain` and `kind`. */
const noteEvents = (query: string) =>
  `${planned(`SELECT count(*) FROM (${query}) AS happened`)} INTO many;
       IF many = 0 THEN RETURN NULL; END IF;
       UPDATE rm_server.fleet_last_event SET last = last + many RETURNING last INTO position;
       ${planned(`INSERT INTO rm_server.fleet_events (sequence, time, kind, device, uid, domain)
         SELECT $1 + row_number() OVER (ORDER BY device, kind DESC), ${now}, kind, device, uid, domain
         FROM (${query}) AS happened`)} USING position - many;`;
const noted = 'DECLARE many bigint; position bigint;';

/**
 * What happens, in an order in which it can be read from a cursor. The row of `fleet_last_event` is locked until the commit, whoever
 * writes, so that numbers are in the order of the commits and none is missing.
 */
const events = [
  `CREATE TABLE rm_server.fleet_last_event (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), last bigint NOT NULL);
   INSERT INTO rm_server.fleet_last_event (last) VALUES (0);
   CREATE TABLE rm_server.fleet_events (
     sequence bigint PRIMARY KEY,
     time bigint NOT NULL,
     kind ${text} NOT NULL,
     device ${text},
     uid ${text},
     domain ${text},
     "user" ${text},
     data text NOT NULL DEFAULT '{}'
   );
   CREATE FUNCTION rm_server.fleet_event_number() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     BEGIN
       UPDATE rm_server.fleet_last_event SET last = last + 1 RETURNING last INTO NEW.sequence;
       RETURN NEW;
     END $$;
   CREATE TRIGGER fleet_event_number BEFORE INSERT ON rm_server.fleet_events
     FOR EACH ROW WHEN (NEW.sequence IS NULL) EXECUTE FUNCTION rm_server.fleet_event_number();
   CREATE TABLE rm_server.fleet_event_ends (domain ${text} PRIMARY KEY, last bigint NOT NULL);
   ${statementTrigger(
     'fleet_event_added',
     'INSERT',
     'rm_reflector.devices',
     noteEvents("SELECT id AS device, uid, domain, 'device.added' AS kind FROM after WHERE claimed"),
     noted,
   )}
   ${statementTrigger(
     'fleet_event_changed',
     'UPDATE',
     'rm_reflector.devices',
     noteEvents(`SELECT a.id AS device, a.uid, k.domain, k.kind
         FROM ${pairs} CROSS JOIN LATERAL (
           SELECT a.domain, 'device.claimed' AS kind WHERE a.claimed AND NOT b.claimed
           UNION ALL SELECT b.domain, 'device.removed' WHERE ${isMoved}
           UNION ALL SELECT a.domain, 'device.added' WHERE ${isMoved}) AS k`),
     noted,
   )}
   ${statementTrigger(
     'fleet_event_removed',
     'DELETE',
     'rm_reflector.devices',
     noteEvents("SELECT id AS device, uid, domain, 'device.removed' AS kind FROM before WHERE claimed"),
     noted,
   )}
   ${trigger(
     'fleet_event_domain_removed',
     'DELETE',
     'rm_server.fleet_domains',
     `DELETE FROM rm_server.fleet_event_ends WHERE last < (SELECT min(sequence) FROM rm_server.fleet_events);
       INSERT INTO rm_server.fleet_event_ends (domain, last) SELECT OLD.id, last FROM rm_server.fleet_last_event
         ON CONFLICT (domain) DO UPDATE SET last = excluded.last;`,
   )}`,
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
  // A key whose last target goes keeps an empty list, and is for nothing: NULL would be everything.
  trigger(
    'fleet_rights_domain_removed',
    'DELETE',
    'rm_server.fleet_domains',
    `DELETE FROM rm_server.fleet_grants WHERE domain = OLD.id;
       UPDATE rm_server.fleet_keys SET targets = (SELECT coalesce(CAST(json_agg(value ORDER BY n) AS text), '[]')
             FROM json_array_elements(rm_server.json_of(targets)) WITH ORDINALITY AS l (value, n)
             WHERE value ->> 'domain' IS DISTINCT FROM OLD.id)
         WHERE EXISTS (SELECT FROM json_array_elements(rm_server.json_of(targets)) AS l (value) WHERE value ->> 'domain' = OLD.id);`,
  ),
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

/** Who is posted to, and what waits for it. */
const webhooks = [
  `CREATE TABLE rm_server.fleet_webhooks (
     id ${text} PRIMARY KEY,
     url text NOT NULL,
     description text NOT NULL,
     kinds text,
     domain ${text},
     secret text NOT NULL,
     former_secret text,
     former_until bigint,
     enabled integer NOT NULL,
     reason text,
     failing_since bigint,
     position bigint NOT NULL,
     created bigint NOT NULL,
     creator ${text} NOT NULL,
     version bigint NOT NULL,
     creator_uid ${text}
   );
   CREATE TABLE rm_server.fleet_deliveries (
     id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
     webhook ${text} NOT NULL REFERENCES rm_server.fleet_webhooks (id) ON DELETE CASCADE,
     message ${text} NOT NULL,
     kind ${text} NOT NULL,
     payload text NOT NULL,
     state ${text} NOT NULL,
     attempts integer NOT NULL,
     created bigint NOT NULL,
     next bigint,
     tried bigint,
     status integer,
     error text,
     answer text,
     ms bigint
   );
   CREATE INDEX fleet_deliveries_of_webhook ON rm_server.fleet_deliveries (webhook, id);
   CREATE INDEX fleet_deliveries_waiting ON rm_server.fleet_deliveries (webhook, next) WHERE state = 'waiting';
   ${trigger(
     'fleet_webhooks_domain_removed',
     'DELETE',
     'rm_server.fleet_domains',
     'DELETE FROM rm_server.fleet_webhooks WHERE domain = OLD.id;',
   )}`,
];

/** Enrolment keys, and the devices that wait for their enrolment or are enrolled. Of keys and secrets there are digests only. */
const enrolment = [
  `CREATE TABLE rm_server.fleet_enrolment_keys (
     id ${text} PRIMARY KEY,
     hash bytea NOT NULL UNIQUE,
     name ${text} NOT NULL,
     domain ${text} NOT NULL,
     prefix ${text} NOT NULL,
     approval integer NOT NULL,
     uses bigint,
     used bigint NOT NULL DEFAULT 0,
     expires bigint,
     created bigint NOT NULL,
     created_by ${text} NOT NULL,
     last_used bigint,
     created_by_uid ${text}
   );
   CREATE INDEX fleet_enrolment_keys_by_age ON rm_server.fleet_enrolment_keys (created, id);
   CREATE TABLE rm_server.fleet_enrolments (
     id ${text} NOT NULL,
     secret bytea NOT NULL,
     hardware ${text} NOT NULL,
     state ${text} NOT NULL CHECK (state IN ('waiting', 'accepted', 'enrolled')),
     reason ${text} NOT NULL CHECK (reason IN ('unclaimed', 'approval', 'clone', 'taken', 'key')),
     domain ${text},
     key ${text},
     code ${text} UNIQUE,
     uid ${text} REFERENCES rm_reflector.devices (uid) ON DELETE CASCADE,
     credential text,
     address text NOT NULL,
     network ${text} NOT NULL,
     created bigint NOT NULL,
     seen bigint NOT NULL,
     PRIMARY KEY (id, secret, hardware)
   );
   CREATE INDEX fleet_enrolments_of_secret ON rm_server.fleet_enrolments (secret);
   CREATE INDEX fleet_enrolments_of_device ON rm_server.fleet_enrolments (uid);
   CREATE INDEX fleet_enrolments_waiting ON rm_server.fleet_enrolments (state, network, seen);
   ${trigger(
     'fleet_enrolment_domain_removed',
     'DELETE',
     'rm_server.fleet_domains',
     `DELETE FROM rm_server.fleet_enrolment_keys WHERE domain = OLD.id;
       DELETE FROM rm_server.fleet_enrolments WHERE domain = OLD.id AND state <> 'enrolled';`,
   )}`,
];

/** The SSH host key by which each port of a device is known. It goes with the device. */
const hostKeys = [
  `CREATE TABLE rm_server.fleet_host_keys (
     number bigint NOT NULL REFERENCES rm_server.fleet_devices (number) ON DELETE CASCADE,
     port integer NOT NULL,
     key ${text} NOT NULL,
     added bigint NOT NULL,
     added_by ${text} NOT NULL,
     PRIMARY KEY (number, port)
   );`,
];

/**
 * The servers that share this database, and where devices are. What is unlogged is empty after a crash of the database: the id in
 * `fleet_presence_state` is another one then, and the nodes say again what they have.
 * - `fleet_places`: which tunnel the columns `online` and `connects` of a device are about.
 * - `fleet_presence.change` grows by one with each change, in the order of the commits. A device that has gone keeps its row, `gone`,
 *   until it is among the oldest; `pruned` is the last change of those that were deleted.
 */
const nodes = [
  `CREATE SEQUENCE rm_server.fleet_epochs;
   CREATE SEQUENCE rm_server.fleet_generations;
   CREATE TABLE rm_server.fleet_nodes (
     epoch bigint PRIMARY KEY,
     name ${text} NOT NULL,
     instance ${text} NOT NULL UNIQUE,
     address text NOT NULL,
     lease_until timestamptz NOT NULL,
     draining boolean NOT NULL DEFAULT false,
     superseded boolean NOT NULL DEFAULT false
   );
   CREATE UNIQUE INDEX fleet_nodes_by_name ON rm_server.fleet_nodes (name) WHERE NOT superseded;
   CREATE TABLE rm_server.fleet_places (
     uid ${text} PRIMARY KEY REFERENCES rm_reflector.devices (uid) ON DELETE CASCADE,
     epoch bigint NOT NULL,
     generation bigint NOT NULL
   );
   CREATE INDEX fleet_places_of_node ON rm_server.fleet_places (epoch);
   CREATE UNLOGGED TABLE rm_server.fleet_presence_state (
     only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
     id ${text} NOT NULL,
     last bigint NOT NULL,
     pruned bigint NOT NULL
   );
   CREATE UNLOGGED TABLE rm_server.fleet_presence (
     id ${text} PRIMARY KEY,
     uid ${text} NOT NULL,
     epoch bigint NOT NULL,
     generation bigint NOT NULL,
     gone boolean NOT NULL,
     change bigint NOT NULL,
     address text NOT NULL,
     properties text NOT NULL,
     visitor_key text,
     end_asked text
   );
   CREATE INDEX fleet_presence_by_change ON rm_server.fleet_presence (change);
   CREATE INDEX fleet_presence_of_node ON rm_server.fleet_presence (epoch) WHERE NOT gone;`,
];

/**
 * The tables of the server, by part, with the names and columns that they have in SQLite. Each part has a version of its own,
 * which counts the steps done. A published step never changes. A part may refer to the tables of those before it.
 */
export const schema: Readonly<Record<string, readonly string[]>> = {
  api,
  devices,
  events,
  rights,
  directories,
  people,
  webhooks,
  enrolment,
  'host-keys': hostKeys,
  nodes,
};
