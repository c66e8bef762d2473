import { encodeResponseHead, utf8Decode, utf8Encode } from 'rm-protocol';
import { concat } from '../../protocol/src/testing/bytes.ts';
import { ReflectorConnection, type SimulatedReflector } from './reflector.ts';

/** What a device asks for its enrolment. */
export interface EnrolmentRequest {
  readonly id: string;
  readonly domain: string | null;
  readonly key?: string;
  readonly secret: string;
  readonly hardware: string;
  readonly request?: string;
}

export type EnrolmentReply = readonly [status: number, body: object, retryAfter?: number];

/**
 * A reflector that enrols devices: by default each that asks, into `dom`. `lost`: so many replies get lost on the way.
 */
export class EnrolmentServer {
  readonly reflector: SimulatedReflector;
  readonly requests: EnrolmentRequest[] = [];
  lost = 0;
  reply: (request: EnrolmentRequest) => EnrolmentReply = () => [200, { domain: 'dom' }];
  /** What `Authorization` an upgrade must have. */
  accepts: (authorization: string | undefined) => boolean = () => true;

  constructor(reflector: SimulatedReflector) {
    this.reflector = reflector;
    reflector.answer = ({ headers }) =>
      this.accepts(headers.get('authorization'))
        ? 'accept'
        : 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n';
    const server = this;
    reflector.take = (socket) => {
      const connection = new (class extends ReflectorConnection {
        #text = '';

        override data(bytes: Uint8Array, start: number, end: number): void {
          if (!this.peer) this.#text += utf8Decode(bytes, start, end);
          if (!this.#text.startsWith('P')) super.data(bytes, start, end);
          else if (this.#text.endsWith('}')) server.#take(this, this.#text);
        }
      })(socket, reflector);
      reflector.connections.push(connection);
      return connection;
    };
  }

  #take(connection: ReflectorConnection, text: string): void {
    if (!text.startsWith('POST /my-devices/api/enroll HTTP/1.1\r\n'))
      throw new Error(`not expected: ${text}`);
    const request: EnrolmentRequest = JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
    this.requests.push(request);
    const [status, body, retryAfter] = this.reply(request);
    if (this.lost-- > 0) {
      connection.socket.destroy();
      return;
    }
    const bytes = utf8Encode(JSON.stringify(body));
    const head = encodeResponseHead(status, '', [
      ['Content-Length', String(bytes.length)],
      ...(retryAfter === undefined ? [] : [['Retry-After', String(retryAfter)] as const]),
    ]);
    connection.socket.write(concat(head, bytes));
    connection.socket.end();
  }
}
