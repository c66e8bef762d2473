import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

export type Form = Pick<URLSearchParams, 'get'>;

/**
 * The fields of a form of ours, `application/x-www-form-urlencoded`, or why it is not taken. Rejects when the request
 * breaks off.
 */
export async function readForm(
  request: IncomingMessage,
  response: ServerResponse,
  {
    clock,
    limits: { formBytes: maxBytes, formMs },
  }: { readonly clock: Clock; readonly limits: Pick<Limits, 'formBytes' | 'formMs'> },
): Promise<Form | { readonly status: number; readonly error: string }> {
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    return { status: 415, error: 'the body must be application/x-www-form-urlencoded' };
  }
  if (request.headers.expect !== undefined) response.writeContinue();
  const timer = clock.schedule(formMs, () => request.destroy());
  const body = await readText(request, maxBytes).finally(() => timer.cancel());
  if (body === null) return { status: 413, error: `the body must be at most ${maxBytes} bytes` };
  return new URLSearchParams(body);
}

/** The body, or `null` when it is longer than `maxBytes`. */
async function readText(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
