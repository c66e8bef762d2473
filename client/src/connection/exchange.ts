import { type IncomingMessage, request } from 'node:http';
import { hostHeader } from 'rm-protocol';
import { Failure, reasonOf } from '../failure.ts';
import { dial, type Route } from './dial.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One request to the reflector itself, on a new connection. */
export async function exchange(
  route: Route,
  path: string,
  options: {
    readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<Answer> {
  const { reflector, limits, clock } = route;
  const where = hostHeader(reflector);
  const socket = await dial(route);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const timer = clock.schedule(limits.stepMs, () =>
        reject(new Error(`no answer within ${limits.stepMs / 1000} s`)),
      );
      const outgoing = request({
        createConnection: () => socket,
        method: options.method,
        path,
        maxHeaderSize: limits.headBytes,
        headers: {
          Host: where,
          'User-Agent': 'rm-client',
          Accept: 'application/json',
          Connection: 'close',
          ...options.headers,
        },
      });
      outgoing.on('error', reject);
      outgoing.on('close', () => timer.cancel());
      // The response of a proxy left it paused.
      outgoing.on('socket', () => socket.resume());
      outgoing.on('response', (response) => {
        collect(response, limits.answerBytes).then(
          (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          reject,
        );
      });
      outgoing.end(options.body);
    });
  } catch (error) {
    throw new Failure(`${where}: ${reasonOf(error)}`);
  } finally {
    socket.destroy();
  }
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
