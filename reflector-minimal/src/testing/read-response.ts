import { InvalidAnswer } from '../device-http/invalid-answer.ts';
import type { ResponseHead } from '../device-http/response-head.ts';
import { ResponseReader } from '../device-http/response-reader.ts';
import { defaultLimits, type Limits } from '../limits.ts';

/** One character a byte. */
export interface Read {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  /** Missing: the response is not whole. */
  readonly trailers?: string;
}

/** Reads `bytes`, cut into pieces of `size`, then the end of the connection. Gives what was wrong, if so. */
export function read(
  bytes: string,
  size = bytes.length,
  requested = 'GET',
  limits: Limits = defaultLimits,
): Read | string {
  let head: ResponseHead | null = null;
  let body = '';
  let trailers: string | undefined;
  const reader = new ResponseReader(requested, false, limits, {
    interim: () => {},
    switched: () => {},
    head: (read) => {
      head = read;
    },
    body: (piece) => {
      body += piece.toString('latin1');
    },
    end: (read) => {
      trailers = read.join('|');
    },
  });
  try {
    for (let at = 0; at < bytes.length && !reader.done; at += size) {
      reader.receive(Buffer.from(bytes.slice(at, at + size), 'latin1'));
    }
    reader.ended();
  } catch (error) {
    if (error instanceof InvalidAnswer) return error.message;
    throw error;
  }
  const { status = 0, headers = [], framing = 'cut' } = (head ?? {}) as Partial<ResponseHead>;
  const read = { status, headers: [...headers, framing].join('|'), body };
  return trailers === undefined ? read : { ...read, trailers };
}

/** Well formed, of every framing. */
export const exampleResponses = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello',
  'HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 200 OK\nContent-Type: text/html\n\nhello until the end',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x="y"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX: 1\r\nY: 2\r\n\r\n',
  '\r\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n',
];
