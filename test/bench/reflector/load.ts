import { connect } from 'node:net';

export interface Load {
  readonly port: number;
  /** The head of the request, with the empty line at its end. */
  readonly head: string;
  readonly connections: number;
  /** Requests in all. */
  readonly requests: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** From the request to the last byte of its answer, ms; in ascending order. */
  readonly times: readonly number[];
  /** Answers other than 200, and requests without one. */
  readonly errors: number;
}

/**
 * Sends one request after the other on each of some connections, as `wrk` does, but a number of them and not for a time: what a
 * busy machine gets done in a time is little, and most of it is not of the warm process. Answers must have a `Content-Length`.
 */
export async function putLoad({ port, head, connections, requests }: Load): Promise<LoadResult> {
  const message = Buffer.from(head, 'latin1');
  const times: number[] = [];
  let begun = 0;
  let errors = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, () => new Promise<void>(converse)));
  times.sort((a, b) => a - b);
  return { seconds: (performance.now() - began) / 1000, times, errors };

  function converse(over: () => void): void {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let asked = 0;
    /** Bytes of the answer that are to come; -1: its head is not whole. */
    let left = 0;
    let text = '';
    socket.on('connect', ask);
    socket.on('data', (bytes: Buffer) => {
      if (left < 0) {
        text += bytes.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!text.startsWith('HTTP/1.1 200 ')) errors++;
        left = Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1]) - (text.length - end - 4);
      } else left -= bytes.length;
      if (left > 0) return;
      times.push(performance.now() - asked);
      asked = 0;
      ask();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (asked > 0) errors++;
      over();
    });

    function ask(): void {
      if (begun === requests) {
        socket.end();
        return;
      }
      begun++;
      left = -1;
      text = '';
      asked = performance.now();
      socket.write(message);
    }
  }
}
