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

// Else the first packet would make 65,536 buffers.
mqtt.writeToStream.cacheNumbers = false;

export function encodeConnect(connect: ConnectPacket): Uint8Array {
  const { level, clientId, user, password, keepAlive, sessionExpiry, will, willDelay, maximumPacket } =
    connect;
  const five = level === 5;
  return encode(level, {
    cmd: 'connect',
    protocolVersion: level,
    clientId,
    clean: sessionExpiry === 0,
    keepalive: keepAlive,
    ...(user === null ? {} : { username: user }),
    ...(password === null ? {} : { password }),
    // No more at once than the queue of one turn of the loop can answer.
    ...(five
      ? {
          properties: {
            sessionExpiryInterval: sessionExpiry,
            receiveMaximum: 16,
            maximumPacketSize: maximumPacket,
          },
        }
      : {}),
    ...(will
      ? { will: { ...will, qos: 1, ...(five ? { properties: { willDelayInterval: willDelay } } : {}) } }
      : {}),
  });
}

/** A publication of QoS 1. */
export function encodePublish(
  level: Level,
  { topic, payload, retain }: Message,
  id: number,
  again: boolean,
): Uint8Array {
  return encode(level, { cmd: 'publish', topic, payload, retain, qos: 1, messageId: id, dup: again });
}

export function encodeAcknowledgement(level: Level, id: number): Uint8Array {
  return encode(level, { cmd: 'puback', messageId: id, reasonCode: 0 });
}

/** Subscribes to each of these with QoS 1. */
export function encodeSubscribe(level: Level, id: number, topics: readonly string[]): Uint8Array {
  return encode(level, {
    cmd: 'subscribe',
    messageId: id,
    subscriptions: topics.map((topic) => ({ topic, qos: 1 })),
  });
}

export function encodePing(level: Level): Uint8Array {
  return encode(level, { cmd: 'pingreq' });
}

/** After it the broker drops the will. */
export function encodeDisconnect(level: Level): Uint8Array {
  return encode(level, { cmd: 'disconnect', reasonCode: 0 });
}

function encode(protocolVersion: Level, packet: object): Uint8Array {
  const chunks: Uint8Array[] = [];
  mqtt.writeToStream(
    packet,
    {
      write: (chunk) => chunks.push(typeof chunk === 'string' ? utf8Encode(chunk) : chunk) > 0,
      destroy: (error) => {
        throw new ProtocolError('RM_MQTT', error.message);
      },
    },
    { protocolVersion },
  );
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
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
