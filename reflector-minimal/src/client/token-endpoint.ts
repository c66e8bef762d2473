import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '../context.ts';
import { securityHeaders } from '../http/html.ts';
import { headerText } from '../http/refusal.ts';

export const tokenPath = '/my-devices/api/token';

/** `POST /my-devices/api/token` (`webtunnel.md` section 4): a name and a password become a token. */
export async function serveToken(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: Readonly<Record<string, unknown>>, error?: string) => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    if (error !== undefined) response.setHeader('X-PTTH-Error', headerText(error));
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  };
  const refuse = (status: number, error: string) => answer(status, { error }, error);
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    return refuse(405, 'only POST is allowed here');
  }
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    return refuse(415, 'the body must be application/x-www-form-urlencoded');
  }
  if (request.headers.expect !== undefined) response.writeContinue();
  const body = await readText(request, context.limits.formBytes);
  if (body === null) return refuse(413, `the body must be at most ${context.limits.formBytes} bytes`);
  const { address } = context.proxies.originOf(request);
  const form = new URLSearchParams(body);
  const name = form.get('username') ?? '';
  const verdict = await context.users.checkPassword(name, form.get('password') ?? '');
  if (verdict === 'busy') {
    response.setHeader('Retry-After', '5');
    return refuse(503, 'too many log-ins at once');
  }
  if (verdict === 'refused') {
    context.log.warn({ address }, 'token refused');
    return refuse(401, 'unknown user or wrong password');
  }
  const application = headerText(form.get('application') ?? '').slice(0, 100);
  const token = context.tokens.issue(verdict, { application, address });
  if (!token) return refuse(401, 'unknown user or wrong password');
  answer(200, token);
}

/** The body, or `null` when it is longer than `maxBytes`. Rejects when the request breaks off. */
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
