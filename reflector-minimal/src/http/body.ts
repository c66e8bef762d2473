import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Refusal } from './refusal.ts';

export interface BodyBounds {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'formMs'>;
}

/**
 * The body of a request to the reflector itself, or why it is not taken. `type`: its media type, in lower case. Rejects when
 * the request breaks off, which it does after `limits.formMs`.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  type: string,
  maxBytes: number,
  { clock, limits }: BodyBounds,
): Promise<Buffer | Refusal> {
  const [given = ''] = (request.headers['content-type'] ?? '').split(';', 1);
  if (given.toLowerCase() !== type) return { status: 415, error: `the body must be ${type}` };
  if (request.headers.expect !== undefined) response.writeContinue();
  const timer = clock.schedule(limits.formMs, () => request.destroy());
  const body = await readAll(request, maxBytes).finally(() => timer.cancel());
  return body ?? { status: 413, error: `the body must be at most ${maxBytes} bytes` };
}

/** The body, or `null` when it is longer than `maxBytes`. */
async function readAll(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
