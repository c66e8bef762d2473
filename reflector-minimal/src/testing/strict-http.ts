/**
 * A second reading of HTTP/1.1 requests, as strict as RFC 9112 allows and with nothing of `node:http` in it: tests use it
 * on the bytes that a device has received. Text is ISO 8859-1, one character a byte.
 */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** In their order, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

/** The bytes cannot be read in exactly one way. */
export class NotStrict extends Error {
  override readonly name = 'NotStrict';
}

/** The bytes end in the middle of a request. */
export class Incomplete extends Error {
  override readonly name = 'Incomplete';
}

const line = /^([^\r\n]*)\r\n/;
const requestLine = /^([A-Z-]+) (\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/;
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/** All requests in `bytes`, one directly behind the other. */
export function readStrictly(bytes: string): StrictRequest[] {
  const requests: StrictRequest[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const reader = new Reader(rest);
    requests.push(reader.request());
    rest = reader.rest;
  }
  return requests;
}

class Reader {
  rest: string;

  constructor(bytes: string) {
    this.rest = bytes;
  }

  request(): StrictRequest {
    const [, method, target] = this.#match(requestLine, 'request line');
    const headers = this.#fields();
    const values = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value);
    if (values('host').length !== 1) throw new NotStrict('not exactly one Host');
    const lengths = values('content-length');
    const codings = values('transfer-encoding');
    if (lengths.length + codings.length > 1) throw new NotStrict('framed twice');
    if (codings.length > 0) {
      if (codings[0] !== 'chunked') throw new NotStrict(`transfer coding ${codings[0]}`);
      return { method, target, headers, body: this.#chunks(), trailers: this.#fields() };
    }
    if (!/^(0|[1-9]\d*)$/.test(lengths[0] ?? '0')) throw new NotStrict(`length ${lengths[0]}`);
    return { method, target, headers, body: this.#take(Number(lengths[0] ?? 0)), trailers: [] };
  }

  #chunks(): string {
    let body = '';
    for (;;) {
      const [, digits] = this.#match(/^(0|[1-9a-f][0-9a-f]{0,7})$/i, 'chunk size');
      const size = Number.parseInt(digits, 16);
      if (size === 0) return body;
      body += this.#take(size);
      if (this.#take(2) !== '\r\n') throw new NotStrict('no CRLF behind a chunk');
    }
  }

  #fields(): [string, string][] {
    const fields: [string, string][] = [];
    while (!this.rest.startsWith('\r\n')) {
      const [, name, value] = this.#match(fieldLine, 'field line');
      fields.push([name.toLowerCase(), value]);
    }
    this.#take(2);
    return fields;
  }

  #match(pattern: RegExp, what: string): [string, string, string] {
    const found = line.exec(this.rest);
    if (!found) throw this.rest.length > 100_000 ? new NotStrict(`endless ${what}`) : new Incomplete(what);
    const text = found[1] ?? '';
    const parts = pattern.exec(text);
    if (!parts) throw new NotStrict(`${what} ${JSON.stringify(text)}`);
    this.rest = this.rest.slice(found[0].length);
    return [parts[0], parts[1] ?? '', parts[2] ?? ''];
  }

  #take(count: number): string {
    if (this.rest.length < count) throw new Incomplete(`${count} bytes`);
    const taken = this.rest.slice(0, count);
    this.rest = this.rest.slice(count);
    return taken;
  }
}
