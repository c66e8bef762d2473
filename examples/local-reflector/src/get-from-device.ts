import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { LocalReflector } from './local-reflector.ts';

/** What the user of the example gets from its device, as a browser would: for the tests of examples. */
export async function getFromDevice(
  { port, deviceUri, user }: LocalReflector,
  path: string,
  { method = 'GET', body = '' }: { readonly method?: string; readonly body?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    method,
    auth: `${user.name}:${user.password}`,
    headers: { Host: new URL(deviceUri).host },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return { status: response.statusCode ?? 0, text };
}
