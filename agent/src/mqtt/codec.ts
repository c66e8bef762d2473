import mqtt from 'mqtt-packet';
import { ProtocolError, utf8Encode } from 'rm-protocol';

/** The levels of the protocol: 4 is MQTT 3.1.1, 5 is MQTT 5. */
export type Level = 4 | 5;

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** What a broker says of itself when it accepts a connection; what MQTT 3.1.1 has no words for is as MQTT 5 has it by default. */
export interface BrokerTerms {
  readonly sessionPresent: boolean;
  /** Publications of ours that may wait for their acknowledgement. */
  readonly receiveMaximum: number;
  /** In bytes. */
  readonly maximumPacket: number;
  readonly retains: boolean;
  /** In seconds; `null`: that which we have asked for. */
  readonly keepAlive: number | null;
}

/** A packet of a broker, as far as a client must know it. */
export type BrokerPacket =
  /** `code` is 0 when the connection is accepted, else that of section 3.2.2.3 (MQTT 3.1.1) or 3.2.2.2 (MQTT 5). */
  | { readonly type: 'connack'; readonly code: number; readonly terms: BrokerTerms }
  /** `id` is `null` with QoS 0. `payload` belongs to the callee. */
  | {
      readonly type: 'publish';
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly retain: boolean;
      readonly id: number | null;
    }
  | { readonly type: 'puback'; readonly id: number; readonly code: number }
  | { readonly type: 'suback'; readonly id: number; readonly codes: readonly number[] }
  | { readonly type: 'pingresp' }
  | { readonly type: 'disconnect'; readonly code: number };

export interface ConnectPacket {
  readonly level: Level;
  readonly clientId: string;
  readonly user: string | null;
  readonly password: string | null;
  /** In seconds; 0: none. */
  readonly keepAlive: number;
  /** For how long the broker keeps the session without a connection, in seconds; 0: not at all. */
  readonly sessionExpiry: number;
  readonly will: Message | null;
  /** After how many seconds without a connection the broker publishes the will; MQTT 5 only. */
  readonly willDelay: number;
  /** The longest packet that we take, in bytes; MQTT 5 only. */
  readonly maximumPacket: number;
}

/*
 * What a client sends is written here: mqtt-packet's writer serves any program of any version, which is a fifth of the script
 * for MQTT. What a broker sends is read by mqtt-packet.
 */

/** Text as its length and UTF-8 (section 1.5.4). */
function text(value: string): Uint8Array {
  const bytes = utf8Encode(value);
  if (bytes.length > 0xffff) fail('text of more than 65,535 bytes');
  return concatenate(bytesOf(2, bytes.length), bytes);
}

/** The last `count` bytes of an integer, in network order. */
function bytesOf(count: number, value: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => value >>> (8 * (count - 1 - at)));
}

/** A length, in seven bits a byte (section 1.5.5). */
function variable(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...variable(value >>> 7)];
}

function concatenate(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function packet(first: number, ...parts: readonly ArrayLike<number>[]): Uint8Array {
  const rest = concatenate(...parts);
  return concatenate([first], variable(rest.length), rest);
}

/** What only MQTT 5 has: the properties of a packet, with their length. */
function properties(level: Level, ...parts: readonly ArrayLike<number>[]): Uint8Array {
  if (level === 4) return new Uint8Array(0);
  const all = concatenate(...parts);
  return concatenate(variable(all.length), all);
}

export function encodeConnect(connect: ConnectPacket): Uint8Array {
  const { level, clientId, user, password, keepAlive, sessionExpiry, will, willDelay, maximumPacket } =
    connect;
  const flags =
    (user === null ? 0 : 0x80) |
    (password === null ? 0 : 0x40) |
    (will?.retain ? 0x20 : 0) |
    // QoS 1.
    (will ? 0x0c : 0) |
    (sessionExpiry === 0 ? 0x02 : 0);
  return packet(
    0x10,
    text('MQTT'),
    [level, flags],
    bytesOf(2, keepAlive),
    properties(
      level,
      [0x11],
      bytesOf(4, sessionExpiry),
      // No more at once than the queue of one turn of the loop can answer.
      [0x21, 0, 16, 0x27],
      bytesOf(4, maximumPacket),
    ),
    text(clientId),
    ...(will ? [properties(level, [0x18], bytesOf(4, willDelay)), text(will.topic), text(will.payload)] : []),
    ...(user === null ? [] : [text(user)]),
    ...(password === null ? [] : [text(password)]),
  );
}

/** A publication of QoS 1. */
export function encodePublish(
  level: Level,
  { topic, payload, retain }: Message,
  id: number,
  again: boolean,
): Uint8Array {
  const first = 0x32 | (retain ? 0x01 : 0) | (again ? 0x08 : 0);
  return packet(first, text(topic), bytesOf(2, id), properties(level), utf8Encode(payload));
}

export function encodeAcknowledgement(id: number): Uint8Array {
  return packet(0x40, bytesOf(2, id));
}

/** Subscribes to each of these with QoS 1. */
export function encodeSubscribe(level: Level, id: number, topics: readonly string[]): Uint8Array {
  return packet(0x82, bytesOf(2, id), properties(level), ...topics.flatMap((topic) => [text(topic), [1]]));
}

export function encodePing(): Uint8Array {
  return packet(0xc0);
}

/** After it the broker drops the will. */
export function encodeDisconnect(level: Level): Uint8Array {
  return packet(0xe0, level === 5 ? [0, 0] : []);
}

/** Reads one whole packet of a broker; `bytes` holds exactly it. Throws {@link ProtocolError}. */
export function decode(level: Level, bytes: Uint8Array): BrokerPacket {
  const found: object[] = [];
  const parser = mqtt.parser({ protocolVersion: level });
  parser.on('packet', (packet) => found.push(packet));
  parser.on('error', ({ message }) => fail(message));
  let left: number;
  try {
    left = parser.parse(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    // It reads on behind the end of a packet whose lengths are wrong.
    return fail(error instanceof Error ? error.message : 'malformed packet');
  }
  const [packet] = found;
  if (!packet || found.length > 1 || left > 0) return fail('not one packet');
  return checked(level, new Fields(packet));
}

function checked(level: Level, fields: Fields): BrokerPacket {
  const type = fields.text('cmd');
  switch (type) {
    case 'connack':
      return {
        type,
        code: fields.integer(level === 5 ? 'reasonCode' : 'returnCode', 0, 255),
        terms: termsOf(fields),
      };
    case 'publish':
      return publication(fields);
    case 'puback':
      return {
        type,
        id: fields.integer('messageId', 1, 65_535),
        code: level === 5 ? fields.integer('reasonCode', 0, 255) : 0,
      };
    case 'suback': {
      const codes = fields.value('granted');
      if (!Array.isArray(codes) || !codes.every((code) => typeof code === 'number'))
        return fail('suback without codes');
      return { type, id: fields.integer('messageId', 1, 65_535), codes };
    }
    case 'pingresp':
      return { type };
    case 'disconnect':
      if (level === 5) return { type, code: fields.optional('reasonCode', 0, 255) ?? 0 };
  }
  return fail(`${type} from a broker`);
}

function publication(fields: Fields): BrokerPacket {
  const topic = fields.text('topic');
  const payload = fields.value('payload');
  const qos = fields.integer('qos', 0, 2);
  if (topic === '' || /[+#\0]/.test(topic)) return fail('publish without a topic');
  if (qos === 2) return fail('publish of QoS 2, which was not asked for');
  if (!(payload instanceof Uint8Array)) return fail('publish without payload');
  const id = qos === 0 ? null : fields.integer('messageId', 1, 65_535);
  return {
    type: 'publish',
    topic,
    payload: new Uint8Array(payload),
    retain: fields.value('retain') === true,
    id,
  };
}

function termsOf(fields: Fields): BrokerTerms {
  const given = fields.value('properties');
  const properties = new Fields(typeof given === 'object' && given !== null ? given : {});
  return {
    sessionPresent: fields.value('sessionPresent') === true,
    receiveMaximum: properties.optional('receiveMaximum', 1, 65_535) ?? 65_535,
    maximumPacket: properties.optional('maximumPacketSize', 1, 0xffff_ffff) ?? 0xffff_ffff,
    retains: properties.value('retainAvailable') !== false,
    keepAlive: properties.optional('serverKeepAlive', 0, 65_535),
  };
}

/** The fields of a packet, of which the parser checks but some. */
class Fields {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(packet: object) {
    this.#values = new Map<string, unknown>(Object.entries(packet));
  }

  value(name: string): unknown {
    return this.#values.get(name);
  }

  text(name: string): string {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : fail(`no ${name}`);
  }

  integer(name: string, min: number, max: number): number {
    return this.optional(name, min, max) ?? fail(`no ${name}`);
  }

  optional(name: string, min: number, max: number): number | null {
    const value = this.#values.get(name);
    if (value === undefined || value === null) return null;
    return typeof value === 'number' && value >= min && value <= max
      ? value
      : fail(`${name} out of its range`);
  }
}

function fail(what: string): never {
  throw new ProtocolError('RM_MQTT', what);
}
