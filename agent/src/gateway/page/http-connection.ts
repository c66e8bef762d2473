import { encodeResponseHead, type HeaderFields, HeadReader, ProtocolError } from 'rm-protocol';
import type { Cancellable, Clock } from '../../host.ts';
import { pageLimits } from './limits.ts';

/** A request to the page. */
export interface PageRequest {
  readonly method: string;
  /** The path, without a query. */
  readonly path: string;
  readonly headers: HeaderFields;
  readonly body: Uint8Array;
}

export interface PageResponse {
  readonly status: number;
  /** `Content-Type`. */
  readonly type: string;
  readonly body: Uint8Array;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

/** Whether a request may bring a body of so many bytes; judged by its head alone. */
export type BodyBound = (request: Omit<PageRequest, 'body'>) => number;

/** The way to a visitor. */
export interface Visitor {
  send(bytes: Uint8Array): void;
  /** Sends what was written, and then nothing more. */
  end(): void;
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
};

/** Nothing but the page's own files runs in it, nobody frames it, and nothing of it is kept. */
const alwaysFields: readonly (readonly [string, string])[] = [
  [
    'Content-Security-Policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Cache-Control', 'no-store'],
];

/**
 * The server's side of one HTTP/1.1 connection (RFC 9112), without a socket: one request after the other. Bodies have a
 * `Content-Length`; whoever sends anything else, or a second request before the answer to the first, is told so and loses the
 * connection.
 */
export class HttpConnection {
  readonly #clock: Clock;
  readonly #visitor: Visitor;
  readonly #bound: BodyBound;
  readonly #answer: (request: PageRequest, respond: (response: PageResponse) => void) => void;
  #head = new HeadReader(pageLimits.headBytes);
  #begun = false;
  /** A request whose body is on its way. */
  #request: Omit<PageRequest, 'body'> | null = null;
  #body = new Uint8Array();
  #got = 0;
  #answering = false;
  #isHead = false;
  #last = false;
  #closed = false;
  #timer: Cancellable;

  constructor(
    clock: Clock,
    visitor: Visitor,
    bound: BodyBound,
    answer: (request: PageRequest, respond: (response: PageResponse) => void) => void,
  ) {
    this.#clock = clock;
    this.#visitor = visitor;
    this.#bound = bound;
    this.#answer = answer;
    this.#timer = this.#idle();
  }

  /** Whether a request is through, and its answer not yet there. */
  get isAnswering(): boolean {
    return this.#answering;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    if (this.#answering) {
      this.#last = true;
      return;
    }
    if (!this.#begun) {
      this.#begun = true;
      this.#timer.cancel();
      this.#timer = this.#clock.schedule(pageLimits.requestMs, () => this.#refuse(408));
    }
    try {
      const at = this.#request ? start : this.#receiveHead(bytes, start, end);
      if (at >= 0 && !this.#closed) this.#receiveBody(bytes, at, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(error.code === 'RM_HTTP_HEAD_SIZE' ? 431 : 400);
    }
  }

  /** The visitor sends nothing more; an answer that is due still comes. */
  remoteEnded(): void {
    this.#last = true;
    if (!this.#answering) this.close();
  }

  /** The visitor is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#visitor.end();
  }

  /** The index behind the head, or -1 when more is to come. */
  #receiveHead(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#head.push(bytes, start, end);
    if (at < 0) return -1;
    const { method, target, minor, headers } = this.#head.request();
    this.#isHead = method === 'HEAD';
    this.#last = minor === 0 || headers.lists('connection', 'close');
    const lengths = headers.all('content-length');
    if (!target.startsWith('/') || headers.all('host').length !== 1 || lengths.length > 1) {
      this.#refuse(400);
      return -1;
    }
    if (headers.get('transfer-encoding') !== undefined) {
      this.#refuse(411);
      return -1;
    }
    const [given = '0'] = lengths;
    if (!/^\d{1,9}$/.test(given)) {
      this.#refuse(400);
      return -1;
    }
    const request = { method, path: target.replace(/[?#].*/, ''), headers };
    if (Number(given) > this.#bound(request)) {
      this.#refuse(413);
      return -1;
    }
    this.#request = request;
    this.#body = new Uint8Array(Number(given));
    this.#got = 0;
    return at;
  }

  #receiveBody(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#request) return;
    const until = Math.min(end, start + this.#body.length - this.#got);
    this.#body.set(bytes.subarray(start, until), this.#got);
    this.#got += until - start;
    if (this.#got < this.#body.length) return;
    if (until < end) this.#last = true;
    this.#timer.cancel();
    this.#answering = true;
    let answered = false;
    const request = { ...this.#request, body: this.#body };
    this.#request = null;
    this.#body = new Uint8Array();
    this.#answer(request, (response) => {
      if (!answered) this.#respond(response);
      answered = true;
    });
  }

  #refuse(status: number): void {
    this.#last = true;
    this.#respond({ status, type: 'text/plain', body: new Uint8Array() });
  }

  #respond({ status, type, body, fields = [] }: PageResponse): void {
    if (this.#closed) return;
    this.#timer.cancel();
    this.#visitor.send(
      encodeResponseHead(status, reasons[status] ?? '', [
        ['Content-Type', type],
        ['Content-Length', String(body.length)],
        ['Connection', this.#last ? 'close' : 'keep-alive'],
        ...alwaysFields,
        ...fields,
      ]),
    );
    // RFC 9110 section 9.3.2.
    if (body.length > 0 && !this.#isHead) this.#visitor.send(body);
    this.#answering = false;
    this.#begun = false;
    this.#head = new HeadReader(pageLimits.headBytes);
    if (this.#last) this.close();
    else this.#timer = this.#idle();
  }

  #idle(): Cancellable {
    return this.#clock.schedule(pageLimits.idleMs, () => this.close());
  }
}
