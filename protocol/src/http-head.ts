import { ProtocolError } from './errors.ts';
import { latin1Decode, latin1Encode } from './text.ts';

/** HTTP/1.1 message heads (RFC 9112), as the agent meets them in an upgrade or from a proxy. */

/** Header fields in their order; names compare without regard to case. */
export class HeaderFields {
  readonly fields: readonly (readonly [name: string, value: string])[];

  constructor(fields: readonly (readonly [name: string, value: string])[]) {
    this.fields = fields;
  }

  /** All values of a field joined with `, ` (RFC 9110 section 5.3), or undefined when it is absent. */
  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  all(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.fields.filter(([field]) => field.toLowerCase() === wanted).map(([, value]) => value);
  }

  /** Whether a comma-separated field lists `token` (without regard to case). */
  lists(name: string, token: string): boolean {
    const items = (this.get(name) ?? '').split(',');
    return items.some((item) => item.trim().toLowerCase() === token);
  }
}

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The minor version: 0 or 1. */
  readonly minor: number;
  readonly headers: HeaderFields;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** The minor version: 0 or 1. */
  readonly minor: number;
  readonly headers: HeaderFields;
}

const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/;
const forbidden = /[\0\r\n]/;

function fail(what: string): never {
  throw new ProtocolError('RM_HTTP_HEAD', what);
}

/** Collects one head of at most `bound` bytes, however its bytes are cut. */
export class HeadReader {
  readonly #bound: number;
  #text = '';

  constructor(bound: number) {
    this.#bound = bound;
  }

  /**
   * Takes bytes up to the end of the head. Returns the index after its last byte, or -1 when more is to come.
   * Throws `RM_HTTP_HEAD_SIZE` beyond the bound.
   */
  push(bytes: Uint8Array, start: number, end: number): number {
    const before = this.#text.length;
    const fitting = Math.min(end, start + this.#bound - before);
    this.#text += latin1Decode(bytes, start, fitting);
    // The end may span the border: look again at the last three characters of what was there.
    const found = /\r?\n\r?\n/.exec(this.#text.slice(Math.max(0, before - 3)));
    if (found) {
      const length = Math.max(0, before - 3) + found.index + found[0].length;
      this.#text = this.#text.slice(0, length);
      return start + length - before;
    }
    if (this.#text.length >= this.#bound) {
      throw new ProtocolError('RM_HTTP_HEAD_SIZE', `head of more than ${this.#bound} bytes`);
    }
    return -1;
  }

  /** The head read, as a request. Throws `RM_HTTP_HEAD`. */
  request(): RequestHead {
    const [first = '', ...lines] = this.#lines();
    const match = requestLine.exec(first) ?? fail('malformed request line');
    const [, method = '', target = '', minor] = match;
    return { method, target, minor: Number(minor), headers: decodeFields(lines) };
  }

  /** The head read, as a response. Throws `RM_HTTP_HEAD`. */
  response(): ResponseHead {
    const [first = '', ...lines] = this.#lines();
    const match = statusLine.exec(first) ?? fail('not an HTTP/1.1 response');
    const [, minor, status, reason = ''] = match;
    return { status: Number(status), reason, minor: Number(minor), headers: decodeFields(lines) };
  }

  /** A recipient may take a lone LF for a line's end (RFC 9112 section 2.2). */
  #lines(): string[] {
    return this.#text.trimEnd().split(/\r?\n/);
  }
}

function decodeFields(lines: readonly string[]): HeaderFields {
  return new HeaderFields(
    lines.map((line) => {
      const name = line.slice(0, Math.max(0, line.indexOf(':')));
      if (!fieldName.test(name) || forbidden.test(line)) fail('malformed header line');
      return [name, trimSpace(line.slice(name.length + 1))] as const;
    }),
  );
}

/** Without the blanks around a field's value. No regular expression: one that could do it takes time to the square of its input. */
function trimSpace(text: string): string {
  const blank = (at: number) => text.charAt(at) === ' ' || text.charAt(at) === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && blank(start)) start++;
  while (end > start && blank(end - 1)) end--;
  return text.slice(start, end);
}

function encodeHead(first: string, fields: readonly (readonly [string, string])[]): Uint8Array {
  for (const [name, value] of fields) {
    if (!fieldName.test(name) || forbidden.test(value)) fail(`header ${name} cannot be sent`);
  }
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return latin1Encode(`${first}\r\n${lines.join('')}\r\n`);
}

/** The bytes of a request head. Throws `RM_HTTP_HEAD` when a part could break out of its place. */
export function encodeRequestHead(
  method: string,
  target: string,
  fields: readonly (readonly [string, string])[],
): Uint8Array {
  const first = `${method} ${target} HTTP/1.1`;
  if (!requestLine.test(first)) fail('request line cannot be sent');
  return encodeHead(first, fields);
}

/** The bytes of a response head. Throws `RM_HTTP_HEAD` when a part could break out of its place. */
export function encodeResponseHead(
  status: number,
  reason: string,
  fields: readonly (readonly [string, string])[],
): Uint8Array {
  const first = `HTTP/1.1 ${status} ${reason}`;
  if (!statusLine.test(first) || forbidden.test(reason)) fail('status line cannot be sent');
  return encodeHead(first, fields);
}
