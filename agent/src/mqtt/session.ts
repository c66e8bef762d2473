import { ProtocolError } from 'rm-protocol';
import type { FailureKind } from '../dial/back-off.ts';
import {
  type BrokerPacket,
  type ConnectPacket,
  decode,
  encodeAcknowledgement,
  encodeConnect,
  encodeDisconnect,
  encodePing,
  encodePublish,
  encodeSubscribe,
  type Message,
} from './codec.ts';
import { mqttLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { PacketSplitter } from './packet-splitter.ts';
import { describeCode, kindOf } from './reason-codes.ts';

export interface SessionEvents {
  /** The broker has accepted the connection. `keepAlive` is what it demands, in seconds; `null`: nothing. */
  accepted(keepAlive: number | null): void;
  /** A publication; `acknowledge` tells the broker that it is in good hands, and does nothing over a later connection. */
  message(topic: string, payload: Uint8Array, acknowledge: () => void): void;
  /** The connection is of no more use, and nothing of it is read any more. */
  failed(reason: string, kind: FailureKind): void;
  /** The broker does not allow something, in words for a person; the session goes on. */
  denied(what: string): void;
}

/** Identifies the only SUBSCRIBE of a connection; publications count from 1. */
const SUBSCRIBE_ID = 65_535;

/**
 * One session with a broker over any number of connections, sans-IO. All that is sent and asked for has QoS 1. What has been
 * published before a connection broke is sent again over the next one, and in the same session under the same identifier.
 */
export class Session {
  readonly #settings: Omit<ConnectPacket, 'user' | 'password' | 'will'>;
  readonly #topics: readonly string[];
  readonly #events: SessionEvents;
  readonly #outbox = new Outbox();
  #send: (bytes: Uint8Array) => void = () => undefined;
  #splitter: PacketSplitter | null = null;
  #accepted = false;
  #window = 0;
  #connection = 0;

  /** `topics` are the filters that are subscribed to. */
  constructor(
    settings: Omit<ConnectPacket, 'user' | 'password' | 'will'>,
    topics: readonly string[],
    events: SessionEvents,
  ) {
    this.#settings = settings;
    this.#topics = topics;
    this.#events = events;
  }

  /** Whether the broker has accepted the connection. */
  get accepted(): boolean {
    return this.#accepted;
  }

  /** Publications that the broker has not acknowledged yet. */
  get unacknowledged(): number {
    return this.#outbox.length;
  }

  /** There is a connection: says hello over it. Throws {@link ProtocolError} if something in the settings cannot be sent. */
  open(send: (bytes: Uint8Array) => void, login: Pick<ConnectPacket, 'user' | 'password' | 'will'>): void {
    const hello = encodeConnect({ ...this.#settings, ...login });
    this.#connection++;
    this.#send = send;
    this.#splitter = new PacketSplitter(this.#settings.maximumPacket, {
      packet: (bytes) => this.#packet(decode(this.#settings.level, bytes)),
      skipped: (id) => {
        this.#events.denied(`a message of more than ${this.#settings.maximumPacket} bytes is passed over`);
        this.#acknowledge(id);
      },
    });
    send(hello);
  }

  /** The connection is gone. */
  closed(): void {
    this.#connection++;
    this.#splitter?.stop();
    this.#splitter = null;
    this.#accepted = false;
    this.#send = () => undefined;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#splitter?.push(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(`the broker broke the protocol: ${error.message}`, 'fault');
    }
  }

  /** `taken` is called when the broker has it, or a newer message of the topic. */
  publish(message: Message, taken?: () => void): void {
    this.#outbox.put(message, taken);
    this.#flush();
  }

  ping(): void {
    this.#send(encodePing());
  }

  /** Takes leave, so that the broker does not publish the will. */
  disconnect(): void {
    if (this.#accepted) this.#send(encodeDisconnect(this.#settings.level));
    this.#outbox.clear();
  }

  #packet(packet: BrokerPacket): void {
    const { level } = this.#settings;
    if (packet.type === 'connack') {
      if (this.#accepted) throw new ProtocolError('RM_MQTT', 'a second connack');
      if (packet.code !== 0) {
        this.#fail(`the broker refuses: ${describeCode(level, packet.code)}`, kindOf(level, packet.code));
        return;
      }
      const { sessionPresent, receiveMaximum, keepAlive } = packet.terms;
      this.#accepted = true;
      this.#window = Math.min(receiveMaximum, mqttLimits.inFlight);
      this.#outbox.reconnected(sessionPresent);
      this.#send(encodeSubscribe(level, SUBSCRIBE_ID, this.#topics));
      this.#flush();
      this.#events.accepted(keepAlive);
      return;
    }
    if (!this.#accepted) throw new ProtocolError('RM_MQTT', `${packet.type} before connack`);
    switch (packet.type) {
      case 'publish': {
        const connection = this.#connection;
        this.#events.message(packet.topic, packet.payload, () => {
          if (connection === this.#connection) this.#acknowledge(packet.id);
        });
        break;
      }
      case 'puback':
        if (!this.#outbox.acknowledged(packet.id)) break;
        if (packet.code >= 128)
          this.#events.denied(`a message is not taken: ${describeCode(level, packet.code)}`);
        this.#flush();
        break;
      case 'suback':
        if (packet.codes.length !== this.#topics.length)
          throw new ProtocolError('RM_MQTT', 'suback for other topics');
        for (const [index, code] of packet.codes.entries()) {
          if (code >= 128)
            this.#events.denied(`no subscription to ${this.#topics[index]}: ${describeCode(5, code)}`);
        }
        break;
      case 'disconnect':
        this.#fail(
          `the broker says good-bye: ${describeCode(level, packet.code)}`,
          kindOf(level, packet.code),
        );
    }
  }

  #flush(): void {
    if (!this.#accepted) return;
    for (const { message, id, again } of this.#outbox.next(this.#window)) {
      this.#send(encodePublish(this.#settings.level, message, id, again));
    }
  }

  #acknowledge(id: number | null): void {
    if (id !== null) this.#send(encodeAcknowledgement(id));
  }

  #fail(reason: string, kind: FailureKind): void {
    this.closed();
    this.#events.failed(reason, kind);
  }
}
