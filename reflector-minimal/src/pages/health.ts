import type { IncomingMessage, ServerResponse } from 'node:http';
import { securityHeaders } from '../http/html.ts';
import { StoreError } from '../ports/store.ts';
import type { PagesContext } from './context.ts';

/** `/healthz`, and what load balancers ask the original's server. */
const paths = new Set(['/healthz', '/my-devices/health.json']);

/**
 * Whether a load balancer asks whether this reflector works. HAProxy's `option httpchk` sends no `Host`, in HTTP/1.0 or
 * HTTP/1.1, unless it is told to: so this is answered without one.
 */
export function isHealthCheck({ method, url }: Pick<IncomingMessage, 'method' | 'url'>): boolean {
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return reads && paths.has((url ?? '').split('?', 1)[0] ?? '');
}

/** 200 while the data file answers and is the one that was opened; else 503 with what is wrong with it. */
export async function serveHealth(
  { store, log }: Pick<PagesContext, 'store' | 'log'>,
  response: ServerResponse,
): Promise<void> {
  let status = 200;
  let text = 'ok';
  try {
    await store.check();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.debug({ reason: error.message }, 'not healthy');
    status = 503;
    // Strangers may ask: the path is not theirs to know.
    text = 'the data file cannot be used';
  }
  const body = `${JSON.stringify({ status: text })}\n`;
  response.writeHead(status, {
    ...securityHeaders,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
