import { Opcode } from 'rm-protocol';
import type { Frame, ScriptedAgent } from './scripted-agent.ts';
import { Incomplete, NotStrict, readStrictly } from './strict-http.ts';

/** One connection to the device's web server. */
export interface RawConnection {
  /** What has come, one character a byte. */
  received: string;
  /** Bytes of {@link received} that have been answered. */
  answered: number;
  /** Closed or broken off by the reflector. */
  ended: boolean;
  send(bytes: string): void;
  /** Our FIN. */
  end(): void;
}

/** What the device sends for each request that is complete; the bytes as they are. */
export type Answer = (request: string, connection: RawConnection) => string | null;

/** Small enough for every agent, large enough that a head comes in one piece. */
const frameBytes = 32_768;

const ok: Answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A web server behind a scripted agent that neither parses nor frames: it keeps what comes and says what it is told. */
export class RawDevice {
  readonly connections: RawConnection[] = [];
  answer: Answer = ok;
  readonly #agent: ScriptedAgent;
  readonly #open = new Map<number, RawConnection>();

  constructor(agent: ScriptedAgent) {
    this.#agent = agent;
    agent.onFrame = (frame) => this.#handle(frame);
  }

  /** What came on each connection, in the order in which they were opened. */
  get saw(): string[] {
    return this.connections.map(({ received }) => received);
  }

  /** Connections that are open on the wire. */
  get open(): number {
    return this.#open.size;
  }

  #handle({ opcode, channel, payload }: Frame): void {
    if (opcode === Opcode.openRequest) {
      this.#accept(channel);
      return;
    }
    const connection = this.#open.get(channel);
    if (!connection) return;
    if (opcode === Opcode.data) {
      connection.received += payload.toString('latin1');
      this.#agent.credit(channel, payload.length);
      this.#reply(connection);
    } else if (opcode === Opcode.close) {
      connection.ended = true;
      connection.end();
      this.#open.delete(channel);
    } else if (opcode === Opcode.error) {
      connection.ended = true;
      this.#open.delete(channel);
    }
  }

  #accept(channel: number): void {
    let finished = false;
    const connection: RawConnection = {
      received: '',
      answered: 0,
      ended: false,
      send: (bytes) => {
        for (let at = 0; at < bytes.length && !finished && this.#open.has(channel); at += frameBytes) {
          this.#agent.data(channel, Buffer.from(bytes.slice(at, at + frameBytes), 'latin1'));
        }
      },
      end: () => {
        if (!finished && this.#open.has(channel)) this.#agent.close(channel);
        finished = true;
      },
    };
    this.#open.set(channel, connection);
    this.connections.push(connection);
    this.#agent.confirm(channel);
  }

  /** Answers what is complete; what is no HTTP gets no answer, and the test looks at it. */
  #reply(connection: RawConnection): void {
    const request = connection.received.slice(connection.answered);
    try {
      readStrictly(request);
    } catch (error) {
      if (error instanceof Incomplete || error instanceof NotStrict) return;
      throw error;
    }
    connection.answered = connection.received.length;
    const answer = this.answer(request, connection);
    if (answer !== null) connection.send(answer);
  }
}
