import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { EventMessage } from '../events/event-stream.ts';

const credentials = (user: string) =>
  `Basic ${Buffer.from(`${user}:a long enough secret`).toString('base64')}`;

/** Messages that have come to a reader, and those that a test waits for. */
class Inbox {
  readonly messages: EventMessage[] = [];
  #taken = 0;
  #wake = () => {};
  #ended = false;

  add(message: EventMessage): void {
    this.messages.push(message);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next message; rejects when there will be none. */
  async next(): Promise<EventMessage> {
    for (;;) {
      const message = this.messages[this.#taken];
      if (message) {
        this.#taken++;
        return message;
      }
      if (this.#ended) throw new Error('the stream has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async kinds(count: number): Promise<string[]> {
    const kinds: string[] = [];
    while (kinds.length < count) kinds.push((await this.next()).kind);
    return kinds;
  }
}

export interface EventReader {
  next(): Promise<EventMessage>;
  kinds(count: number): Promise<string[]>;
  readonly ended: Promise<number>;
  close(): void;
}

/** Reads server-sent events as a browser does, without coming again. `ended`: the status. */
export async function readEvents(
  port: number,
  user: string,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<
  EventReader & { readonly status: number; readonly text: () => string; readonly lastEventId: () => string }
> {
  const inbox = new Inbox();
  let text = '';
  let lastEventId = '';
  let request: ClientRequest | undefined;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request = get(
      {
        port,
        path: `/my-devices/api/events${query}`,
        headers: { host: `localhost:${port}`, authorization: credentials(user), ...headers },
      },
      resolve,
    ).on('error', reject);
  });
  let rest = '';
  const ended = new Promise<number>((resolve) => {
    response.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (id !== undefined) lastEventId = id;
        // What has a type of its own is not for `onmessage`.
        const isMessage = !/^event: /m.test(block);
        if (data !== undefined && isMessage) inbox.add(JSON.parse(data) as EventMessage);
      }
    });
    response.on('error', () => {});
    response.on('close', () => {
      inbox.end();
      resolve(response.statusCode ?? 0);
    });
  });
  return {
    status: response.statusCode ?? 0,
    next: () => inbox.next(),
    kinds: (count) => inbox.kinds(count),
    text: () => text,
    lastEventId: () => lastEventId,
    ended,
    close: () => request?.destroy(),
  };
}

/** Reads the same by WebSocket. `ended`: the close code; `lives`: how many signs of life came, which are no messages here. */
export function readSocket(
  port: number,
  user: string,
  query = '',
): EventReader & { send(text: string): void; readonly reason: () => string; readonly lives: () => number } {
  const inbox = new Inbox();
  let [reason, lives] = ['', 0];
  const socket = new WebSocket(`ws://127.0.0.1:${port}/my-devices/api/events${query}`, {
    headers: { host: `localhost:${port}`, authorization: credentials(user) },
  });
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as EventMessage;
    // When one comes depends on the speed of the machine.
    if (message.kind === 'alive') lives++;
    else inbox.add(message);
  });
  socket.on('error', () => {});
  const ended = new Promise<number>((resolve) => {
    socket.on('close', (code, why) => {
      reason = why.toString();
      inbox.end();
      resolve(code);
    });
  });
  return {
    next: () => inbox.next(),
    kinds: (count) => inbox.kinds(count),
    send: (text) => socket.send(text),
    reason: () => reason,
    lives: () => lives,
    ended,
    close: () => socket.terminate(),
  };
}
