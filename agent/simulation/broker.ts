import mqtt, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import type { SocketHandler } from '../src/host.ts';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedSocket } from './socket.ts';

interface Session {
  readonly topics: string[];
  /** What was sent with QoS 1 and is not acknowledged. */
  readonly waiting: Map<number, IPublishPacket>;
  connection: BrokerConnection | null;
  lastId: number;
}

interface BrokerConnection {
  readonly socket: SimulatedSocket;
  readonly version: 4 | 5;
  will: IConnectPacket['will'] | null;
  readonly clean: boolean;
}

/** A broker on a simulated network: sessions that outlive connections, retained messages, wills, and take-overs. */
export class SimulatedBroker {
  readonly retained = new Map<string, string>();
  /** All that was published to it or by it, as `TOPIC PAYLOAD`. */
  readonly published: string[] = [];
  connections = 0;
  readonly #sessions = new Map<string, Session>();
  readonly #network: SimulatedNetwork;
  /** For how long a will is held back when its connection is taken over, in milliseconds. */
  willAfterMs = 0;

  constructor(network: SimulatedNetwork, address: string, port = 1883) {
    this.#network = network;
    network.listen(address, port, (socket) => this.#accept(socket));
  }

  /** The payload that is retained, as JSON. */
  json(topic: string): Record<string, unknown> {
    return JSON.parse(this.retained.get(topic) ?? '{}');
  }

  publish(topic: string, payload: string, retain = false): void {
    this.published.push(`${topic} ${payload}`);
    if (retain && payload === '') this.retained.delete(topic);
    else if (retain) this.retained.set(topic, payload);
    for (const session of this.#sessions.values()) {
      if (session.topics.some((filter) => fits(filter, topic))) this.#send(session, topic, payload, false);
    }
  }

  /** The connections break, and the broker notices: it publishes the wills. */
  breakAll(): void {
    for (const session of this.#sessions.values()) this.#lose(session);
  }

  /** Another client of this ID has come and gone: the broker closes the connection, and publishes its will. */
  takeOver(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session) this.#lose(session);
  }

  /** All is forgotten, as by a restart without a file. */
  restart(): void {
    for (const { connection } of this.#sessions.values()) connection?.socket.destroy();
    this.#sessions.clear();
    this.retained.clear();
  }

  #send(session: Session, topic: string, payload: string, retain: boolean): void {
    const messageId = (session.lastId % 60_000) + 1;
    session.lastId = messageId;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos: 1, dup: false, retain, messageId };
    session.waiting.set(messageId, packet);
    this.#write(session.connection, packet);
  }

  #write(connection: BrokerConnection | null, packet: Packet): void {
    if (!connection) return;
    connection.socket.write(new Uint8Array(mqtt.generate(packet, { protocolVersion: connection.version })));
  }

  #lose(session: Session): void {
    const { connection } = session;
    session.connection = null;
    if (!connection) return;
    connection.socket.destroy();
    const { will } = connection;
    if (!will) return;
    const publish = () => this.publish(will.topic, will.payload.toString(), will.retain ?? false);
    if (this.willAfterMs === 0) publish();
    else this.#network.clock.schedule(this.willAfterMs, publish);
  }

  #accept(socket: SimulatedSocket): SocketHandler {
    this.connections++;
    let session: Session | null = null;
    let connection: BrokerConnection | null = null;
    const parser = mqtt.parser();
    parser.on('error', () => socket.destroy());
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') {
        connection = {
          socket,
          version: packet.protocolVersion === 5 ? 5 : 4,
          will: packet.will ?? null,
          clean: packet.clean ?? true,
        };
        session = this.#open(packet, connection);
      } else if (session && connection) this.#take(session, connection, packet);
    });
    const over = () => {
      if (session && session.connection === connection) this.#lose(session);
    };
    return {
      connected: () => undefined,
      data: (bytes, start, end) => void parser.parse(Buffer.from(bytes.subarray(start, end))),
      taken: () => undefined,
      ended: over,
      closed: over,
    };
  }

  #open(packet: IConnectPacket, connection: BrokerConnection): Session {
    const before = this.#sessions.get(packet.clientId);
    if (before) this.#lose(before);
    const kept = before && !connection.clean ? before : null;
    const session: Session = kept ?? { topics: [], waiting: new Map(), connection: null, lastId: 0 };
    session.connection = connection;
    this.#sessions.set(packet.clientId, session);
    this.#write(connection, { cmd: 'connack', sessionPresent: kept !== null, returnCode: 0, reasonCode: 0 });
    for (const waiting of session.waiting.values()) this.#write(connection, { ...waiting, dup: true });
    return session;
  }

  #take(session: Session, connection: BrokerConnection, packet: Packet): void {
    switch (packet.cmd) {
      case 'subscribe':
        for (const { topic } of packet.subscriptions) {
          if (!session.topics.includes(topic)) session.topics.push(topic);
        }
        this.#write(connection, {
          cmd: 'suback',
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(() => 1),
        });
        for (const { topic: filter } of packet.subscriptions) {
          for (const [topic, payload] of this.retained) {
            if (fits(filter, topic)) this.#send(session, topic, payload, true);
          }
        }
        break;
      case 'publish':
        this.#write(connection, { cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 });
        this.publish(packet.topic, packet.payload.toString(), packet.retain);
        break;
      case 'puback':
        session.waiting.delete(packet.messageId ?? 0);
        break;
      case 'pingreq':
        this.#write(connection, { cmd: 'pingresp' });
        break;
      case 'disconnect':
        connection.will = null;
    }
  }
}

function fits(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  return (
    wanted.length === levels.length && wanted.every((level, at) => level === '+' || level === levels[at])
  );
}
