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
  const pieces = bodyPieces(request, response, type, maxBytes);
  if ('error' in pieces) return pieces;
  const timer = clock.schedule(limits.formMs, () => request.destroy());
  const chunks: Buffer[] = [];
  try {
    for await (const piece of pieces) {
      if ('error' in piece) return piece;
      chunks.push(piece);
    }
  } finally {
    timer.cancel();
  }
  return Buffer.concat(chunks);
}

/** The same in pieces; a refusal among them is the last one. It may take as long as it moves. */
export function bodyPieces(
  request: IncomingMessage,
  response: ServerResponse,
  type: string,
  maxBytes: number,
): AsyncIterable<Buffer | Refusal> | Refusal {
  const [given = ''] = (request.headers['content-type'] ?? '').split(';', 1);
  if (given.toLowerCase() !== type) return { status: 415, error: `the body must be ${type}` };
  if (request.headers.expect !== undefined) response.writeContinue();
  return piecesOf(request, maxBytes);
}

async function* piecesOf(request: IncomingMessage, maxBytes: number): AsyncIterable<Buffer | Refusal> {
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) {
      yield { status: 413, error: `the body must be at most ${maxBytes} bytes` };
      return;
    }
    yield chunk as Buffer;
  }
}
