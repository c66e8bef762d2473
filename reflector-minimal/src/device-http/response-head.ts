import { trimBlanks } from '../blanks.ts';
import { InvalidAnswer } from './invalid-answer.ts';

/** How the body of a response is delimited (RFC 9112 section 6.3); `close`: by the end of the connection. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

/** A response head, read as browsers read it, in a form that no other reader takes in another way. */
export interface ResponseHead {
  readonly version: '1.0' | '1.1';
  /** 100 to 999. */
  readonly status: number;
  /** May be empty. Neither this nor a header value has control characters other than tabs. */
  readonly reason: string;
  /** Names and values in turn, as they were spelled; names are tokens, and `Content-Length` is one number at most. */
  readonly headers: readonly string[];
  readonly framing: BodyFraming;
  /** Bytes of the body when it is framed by `length`, else 0. */
  readonly length: number;
  /** Another request may follow on this connection. */
  readonly keepAlive: boolean;
}

const statusLine = /^(?:HTTP\/(\d{1,3})(?:\.(\d{1,3}))?|(ICY))[ \t]+(\d{3})(?!\d)[ \t]*(.*)$/i;
/** A name or value needs no second look when it matches. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** CR is allowed before LF only. */
const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/;

/**
 * Reads a head, from its first line to the empty one, one character a byte; `requested` is the method of the request.
 * Lenient as browsers are, because a device's reader is a browser otherwise. What two readers could take in ways of which
 * one hurts somebody is refused. `response-head.test.ts` has the table. Throws {@link InvalidAnswer}.
 */
export function readResponseHead(text: string, requested: string, maxLines: number): ResponseHead {
  // First, as it is when the head comes in pieces.
  const first = expectStatusLine(text);
  const plain = tame(text);
  const lines = plain.split('\n');
  const { version, status, reason } =
    plain === text && first ? first : readStatusLine(withoutCr(lines[0] ?? ''));
  const headers: string[] = [];
  const fields = new FramingFields(headers);
  readFields(lines, 1, maxLines, (name, value) => fields.take(name, value));
  const { framing, length, keepAlive } = fields.of(version, status, requested);
  return { version, status, reason, headers, framing, length, keepAlive };
}

/** Server-sent events, or the pictures of a camera: what goes on until somebody leaves. */
export function isStream(headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.length !== 12 || headers[i]?.toLowerCase() !== 'content-type') continue;
    return /^(?:text\/event-stream|multipart\/x-mixed-replace)(?:$|[;\s])/i.test(headers[i + 1] ?? '');
  }
  return false;
}

/** The lines behind a chunked body, as names and values in turn; those that cannot be read mean nothing. */
export function readTrailers(text: string, maxLines: number): readonly string[] {
  const trailers: string[] = [];
  const lines = text.split('\n').length - 2;
  if (lines > maxLines) throw new InvalidAnswer(`it has more than ${maxLines} trailer lines`);
  try {
    readFields(tame(text).split('\n'), 0, maxLines, (name, value) => trailers.push(name, value));
  } catch (error) {
    // The body is whole, and browsers do not look at what comes behind it.
    if (error instanceof InvalidAnswer) return [];
    throw error;
  }
  return trailers;
}

/** Reads the header lines in `lines` from `at` on; what is none, is left out, as browsers do. */
function readFields(
  lines: readonly string[],
  at: number,
  maxLines: number,
  take: (name: string, value: string) => void,
): void {
  // Behind the last line come the empty one and what `split` leaves behind its LF.
  const end = lines.length - 2;
  if (end - at > maxLines) throw new InvalidAnswer(`it has more than ${maxLines} header lines`);
  while (at < end) {
    let line = withoutCr(lines[at++] ?? '');
    // Folded lines are one (RFC 9112 section 5.2).
    while (at < end && isFolded(lines[at])) line += ` ${trimBlanks(withoutCr(lines[at++] ?? ''))}`;
    const colon = line.indexOf(':');
    if (colon < 1 || isFolded(line)) continue;
    // Blanks before the colon are dropped (RFC 9112 section 5.1).
    const name = trimBlanks(line.slice(0, colon));
    if (token.test(name)) take(name, trimBlanks(line.slice(colon + 1)));
  }
}

/** Bytes of a first line without an end after which it is not waited for. */
const undecided = 64;

/** The status line in `start`, the beginning of what should become a head; `null`: it has no end yet. Throws when it can be none. */
export function expectStatusLine(start: string): StatusLine | null {
  const end = start.indexOf('\n');
  if (end >= 0) return readStatusLine(withoutCr(start.slice(0, end)));
  if (start.length >= undecided && !/^(?:HTTP\/|ICY[ \t])/i.test(start)) throw notHttp(start);
  return null;
}

type StatusLine = Pick<ResponseHead, 'version' | 'status' | 'reason'>;

function readStatusLine(line: string): StatusLine {
  const found = statusLine.exec(line);
  if (!found) {
    if (/^HTTP\/1/i.test(line)) throw new InvalidAnswer(`its status line is “${shown(line)}”`);
    throw notHttp(line);
  }
  const [, major = '1', minor = '0', , digits = '', reason = ''] = found;
  if (Number(major) !== 1) throw new InvalidAnswer(`it speaks HTTP/${major}.${minor}`);
  const status = Number(digits);
  if (status < 100) throw new InvalidAnswer(`its status is ${digits}`);
  return { version: Number(minor) === 0 ? '1.0' : '1.1', status, reason: trimBlanks(reason) };
}

/**
 * Without control characters. A bare CR ends a line for some readers, and a NUL the value: what one of them would take
 * for a header could be a cookie, or a redirect, that the other never sees. The rest become blanks (RFC 9110 section 5.5).
 */
function tame(text: string): string {
  if (!controls.test(text)) return text;
  return text.replace(new RegExp(controls, 'g'), (found, at: number) => {
    if (found !== '\r' && found !== '\0') return ' ';
    const lines = text.slice(0, at).split('\n').length;
    const where = lines === 1 ? 'its status line' : `header line ${lines - 1}`;
    throw new InvalidAnswer(`${where} holds a ${found === '\r' ? 'carriage return' : 'NUL'}`);
  });
}

function notHttp(line: string): InvalidAnswer {
  return new InvalidAnswer(`it begins with “${shown(line)}”`);
}

/** The beginning of a line, for a person. */
function shown(line: string): string {
  const plain = line.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
}

function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function isFolded(line = ''): boolean {
  return line.startsWith(' ') || line.startsWith('\t');
}

/** Collects header lines, and of them those that frame the body: they leave in one form only. */
class FramingFields {
  #length: string | null = null;
  /** Of the value of `Content-Length` in the list of headers. */
  #lengthAt = -1;
  #chunked = false;
  readonly #headers: string[];
  #closes = false;
  #keeps = false;

  constructor(headers: string[]) {
    this.#headers = headers;
  }

  take(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'content-length':
        this.#takeLength(name, value);
        return;
      case 'transfer-encoding':
        this.#takeCoding(value);
        break;
      case 'connection':
        for (const option of value.toLowerCase().split(',')) {
          if (trimBlanks(option) === 'close') this.#closes = true;
          else if (trimBlanks(option) === 'keep-alive') this.#keeps = true;
        }
    }
    this.#headers.push(name, value);
  }

  /** Equal lengths are one (RFC 9110 section 8.6). Without digits it says nothing, and the connection delimits. */
  #takeLength(name: string, value: string): void {
    for (const item of value.split(',')) {
      const digits = trimBlanks(item);
      if (digits === '' || /^-\d+$/.test(digits)) continue;
      if (!/^\d{1,15}$/.test(digits)) throw new InvalidAnswer(`its Content-Length is “${shown(digits)}”`);
      const length = String(Number(digits));
      if (this.#length === null) {
        this.#length = length;
        this.#lengthAt = this.#headers.push(name, length) - 1;
      } else if (this.#length !== length) {
        throw new InvalidAnswer(`it has two lengths, ${this.#length} and ${length}`);
      }
    }
  }

  #takeCoding(value: string): void {
    for (const item of value.toLowerCase().split(',')) {
      const coding = trimBlanks(item);
      if (coding === 'chunked') this.#chunked = true;
      // The body is cut into chunks anew: another coding would be lost, and coded bytes pass for the content.
      else if (coding !== '' && coding !== 'identity') {
        throw new InvalidAnswer(`its transfer coding is “${shown(coding)}”`);
      }
    }
  }

  of(
    version: '1.0' | '1.1',
    status: number,
    requested: string,
  ): Pick<ResponseHead, 'framing' | 'length' | 'keepAlive'> {
    let keepAlive = !this.#closes && (version === '1.1' || this.#keeps);
    // Half of the readers takes the chunks for the content.
    if (this.#chunked && version === '1.0') throw new InvalidAnswer('HTTP/1.0 has no chunks');
    if (this.#chunked && this.#length !== null) {
      // The length counts for nobody (RFC 9112 section 6.3), and what comes behind is not trusted.
      this.#headers.splice(this.#lengthAt - 1, 2);
      keepAlive = false;
    }
    if (requested === 'HEAD' || status < 200 || status === 204 || status === 304) {
      return { framing: 'none', length: 0, keepAlive };
    }
    if (this.#chunked) return { framing: 'chunked', length: 0, keepAlive };
    if (this.#length === null) return { framing: 'close', length: 0, keepAlive: false };
    return { framing: 'length', length: Number(this.#length), keepAlive };
  }
}
