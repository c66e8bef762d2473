import {
  choice,
  integer,
  list,
  map,
  nullable,
  object,
  oneLine,
  optional,
  type Schema,
  text,
  union,
  withDefault,
} from './schema.ts';

/** A topic without wildcards, in which `{device}` and its like are filled in. */
const topicTemplate = /^[^+#\x00-\x1f\x7f]+$/;
/** Names of nested members, separated by dots. */
const memberPath = /^[\w$-]+(?:\.[\w$-]+){0,7}$/;
/** `online` … : the agent's words that another layout has others for. */
const word = /^(?:online|offline|executing|successful|failed)$/;

function topic(value: string) {
  return withDefault(
    nullable(
      text('a topic without "+" and "#", with {prefix}, {domain}, {device} and {id}', topicTemplate, 512),
    ),
    value,
  );
}

function payload(value: Readonly<Record<string, string>>) {
  const path = text('names of members, separated by "."', memberPath, 128);
  return withDefault(map(path, text('text without control characters', oneLine, 256), 32), value);
}

/** The key `mqtt`; `secret` and `tls` are those of other keys. */
export function mqttSchema<const S extends Schema, const T extends Schema>(
  secret: S,
  tls: T,
  authority: string,
) {
  const words = withDefault(
    map(text('online, offline, executing, successful or failed', word), text('text', oneLine, 64), 5),
    {},
  );
  const broker = text(
    'mqtt://HOST[:PORT] or mqtts://…, ws://HOST[:PORT][/PATH], wss://…',
    new RegExp(`^(?:mqtts?://${authority}/?|wss?://${authority}(?:/[!-"$->@-~]*)?)$`),
  );
  return object(
    {
      broker: union(broker, list(broker, 1, 8)),
      version: withDefault(choice('3.1.1', '5'), '5'),
      clientId: optional(text('printable ASCII', /^[ -~]+$/, 128)),
      user: optional(text('text without control characters', oneLine, 255)),
      password: withDefault(secret, ''),
      tls: optional(tls),
      keepAlive: withDefault(integer(5, 65_535, 'seconds'), 60),
      session: withDefault(integer(0, 31_536_000, 'seconds'), 86_400),
      prefix: withDefault(text('levels of a topic without "+" and "#"', topicTemplate, 128), 'rm'),
      status: withDefault(
        object({
          topic: topic('{prefix}/{domain}/{device}/status'),
          payload: payload({
            state: '{state}',
            boot: '{boot}',
            seq: '{seq}',
            tunnel: '{tunnel}',
            until: '{until}',
            version: '{version}',
          }),
          words,
        }),
        {},
      ),
      properties: withDefault(object({ topic: topic('{prefix}/{domain}/{device}/properties') }), {}),
      command: withDefault(
        object({
          topic: topic('{prefix}/{domain}/{device}/cmd/tunnel/{id}'),
          match: payload({ status: 'init' }),
          id: optional(text('names of members, separated by "."', memberPath, 128)),
          until: withDefault(text('names of members, separated by "."', memberPath, 128), 'until'),
          duration: withDefault(text('names of members, separated by "."', memberPath, 128), 'for'),
          timeout: withDefault(integer(1, 3_600, 'seconds'), 60),
        }),
        {},
      ),
      report: withDefault(
        object({
          topic: topic('{prefix}/{domain}/{device}/cmd/tunnel/{id}'),
          payload: payload({ status: '{state}', reason: '{reason}', until: '{until}', boot: '{boot}' }),
          words,
          retain: withDefault({ type: 'flag' } as const, true),
        }),
        {},
      ),
    },
    ({ user, password, command }, report) => {
      if (user === null && password !== '') report('user', 'missing, needed is the user of password');
      if (command.topic !== null && command.id === null && command.topic.split('{id}').length !== 2)
        report('command', 'found a topic without {id} and no "id", needed is one of them');
    },
  );
}
