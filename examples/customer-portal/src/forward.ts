import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Fleet } from './fleet.ts';
import { withoutCookie } from './sessions.ts';

/** The cookie that opens one device, on the host of that device. */
export const deviceCookie = 'portal_device';

/** A request of a customer, on its way to the device: with the API key in the place of the cookie. */
function toDevice(fleet: Fleet, device: string, incoming: IncomingMessage): ClientRequest {
  const { hostname, port, host, authorization } = fleet.interfaceOf(device);
  const { cookie, ...headers } = incoming.headers;
  const rest = withoutCookie(cookie, deviceCookie);
  // The device knows itself by the server's name for it.
  const own = `//${incoming.headers.host}`;
  for (const name of ['origin', 'referer'] as const) {
    if (headers[name] !== undefined) headers[name] = headers[name].replace(own, `//${host}`);
  }
  return request({
    hostname,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...headers, host, authorization, ...(rest === undefined ? {} : { cookie: rest }) },
  });
}

/** The headers of the device's answer, with addresses of the portal. */
function fromDevice({ headers }: IncomingMessage, from: string, to: string) {
  return headers.location === undefined
    ? headers
    : { ...headers, location: headers.location.replace(`//${from}`, `//${to}`) };
}

/** A request and its answer. */
export function forward(
  fleet: Fleet,
  device: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const outgoing = toDevice(fleet, device, incoming);
  outgoing.on('response', (answer) => {
    const { host } = fleet.interfaceOf(device);
    response.writeHead(answer.statusCode ?? 502, fromDevice(answer, host, incoming.headers.host ?? ''));
    // An answer that breaks off must not look whole.
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end('The device cannot be reached.\n');
  });
  response.on('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** A WebSocket. */
export function forwardUpgrade(
  fleet: Fleet,
  device: string,
  incoming: IncomingMessage,
  socket: Duplex,
): void {
  const outgoing = toDevice(fleet, device, incoming);
  outgoing.on('upgrade', (answer, other: Duplex, head) => {
    const lines = [`HTTP/1.1 101 ${answer.statusMessage}`];
    for (let i = 0; i < answer.rawHeaders.length; i += 2)
      lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    socket.write(head);
    other.pipe(socket).pipe(other);
    other.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  outgoing.on('response', (answer) =>
    socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n\r\n`),
  );
  outgoing.on('error', () => socket.destroy());
  socket.on('error', () => outgoing.destroy());
  outgoing.end();
}
