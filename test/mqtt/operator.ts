import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqtt, { type IPublishPacket } from 'mqtt-packet';
import { Mailbox } from '../scenarios/stage/wait.ts';

/** A person or program at a broker: it hears everything, and publishes. MQTT 3.1.1, by the package itself. */
export class Operator {
  readonly messages = new Mailbox<IPublishPacket>('messages of the broker');
  readonly #socket: Socket;
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async at({ port }: { readonly port: number }, filter = '#'): Promise<Operator> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const operator = new Operator(socket);
    const parser = mqtt.parser();
    const suback = new Promise<void>((resolve) => {
      parser.on('packet', (packet) => {
        if (packet.cmd === 'suback') resolve();
        if (packet.cmd !== 'publish') return;
        if (packet.qos === 1) operator.#send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
        operator.messages.put(packet);
      });
    });
    socket.on('data', (bytes) => parser.parse(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => operator.messages.end('the broker has closed'));
    operator.#send({
      cmd: 'connect',
      clientId: `operator-${Math.random()}`,
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
    });
    operator.#send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 1 }] });
    await suback;
    return operator;
  }

  publish(topic: string, payload: object | string, retain = false): void {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    this.#lastId = (this.#lastId % 60_000) + 1;
    this.#send({ cmd: 'publish', topic, payload: text, retain, qos: 1, dup: false, messageId: this.#lastId });
  }

  /** The next message of a topic that matches, as JSON; others before it are dropped. */
  async until(
    topic: string,
    matches: (json: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown>> {
    for (;;) {
      const packet = await this.messages.next(`a message of ${topic}`);
      const text = packet.payload.toString();
      if (packet.topic !== topic || text === '') continue;
      const json: Record<string, unknown> = JSON.parse(text);
      if (matches(json)) return json;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(packet: Parameters<typeof mqtt.generate>[0]): void {
    this.#socket.write(mqtt.generate(packet));
  }
}
