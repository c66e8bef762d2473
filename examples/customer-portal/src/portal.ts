import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Fleet } from './fleet.ts';
import { deviceCookie, forward, forwardUpgrade } from './forward.ts';
import { devicesPage, logInPage } from './pages.ts';
import { cookieOf, Sessions } from './sessions.ts';

/** Somebody who may log in, and what the devices of that customer are asked by. */
export interface Customer {
  readonly name: string;
  readonly verify: (password: string) => Promise<boolean>;
  readonly fleet: Fleet;
}

/** What a cookie on the host of a device, or the way to it, stands for. */
interface Opened {
  readonly customer: Customer;
  readonly device: string;
}

const portalCookie = 'portal';
/** Where a device's host takes a ticket; no device has it. */
const ticketPath = '/.portal-ticket';
const flags = 'Path=/; HttpOnly; SameSite=Lax';

/**
 * The portal on `localhost`, and every device on `DEVICE.localhost`. With a domain of your own, add `Secure` to the cookies and let a proxy
 * do TLS in front of it.
 */
export function portal(customers: readonly Customer[]): Server {
  const sessions = new Sessions<Customer>(8 * 3600);
  const tickets = new Sessions<Opened>(30);
  const opened = new Sessions<Opened>(8 * 3600);

  /** The device of this host, for a customer whose cookie opens it. */
  function openedAt(request: IncomingMessage): Opened | null {
    const found = opened.get(cookieOf(request, deviceCookie));
    return found?.device === deviceOf(request) ? found : null;
  }

  function redirect(response: ServerResponse, location: string, cookie?: string): void {
    response.writeHead(303, { location, ...(cookie && { 'set-cookie': `${cookie}; ${flags}` }) }).end();
  }

  async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await formOf(request);
    const customer = customers.find(({ name }) => name === form.get('name'));
    if (!customer || !(await customer.verify(form.get('password') ?? '')))
      return page(response, 401, logInPage('Wrong name or password'));
    redirect(response, '/', `${portalCookie}=${sessions.begin(customer)}`);
  }

  async function ownPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST' && pathname === '/log-in') return logIn(request, response);
    const customer = sessions.get(cookieOf(request, portalCookie));
    if (customer === null) return page(response, 200, logInPage());
    const devices = await customer.fleet.devices();
    if (pathname === '/') return page(response, 200, devicesPage(customer.name, devices));
    // Only what the list has: the host is made of the name.
    const wanted = devices.find(({ id }) => pathname === `/open/${id}`);
    if (request.method !== 'POST' || !wanted) return page(response, 404, 'There is no such page.');
    const ticket = tickets.begin({ customer, device: wanted.id });
    redirect(response, `http://${wanted.id}.${request.headers.host}${ticketPath}?${ticket}`);
  }

  function devicePage(request: IncomingMessage, response: ServerResponse): void {
    const [path, ticket] = (request.url ?? '').split('?', 2);
    const entering = path === ticketPath ? tickets.take(ticket) : null;
    const found = openedAt(request);
    if (entering !== null && entering.device === deviceOf(request))
      redirect(response, '/', `${deviceCookie}=${opened.begin(entering)}`);
    else if (found) forward(found.customer.fleet, found.device, request, response);
    else page(response, 403, 'Open this device from your list of devices.');
  }

  const server = createServer((request, response) => {
    if (deviceOf(request) !== null) return devicePage(request, response);
    ownPage(request, response).catch((error: Error) => page(response, 502, error.message));
  });
  server.on('upgrade', (request, socket) => {
    const found = openedAt(request);
    if (found) forwardUpgrade(found.customer.fleet, found.device, request, socket);
    else socket.destroy();
  });
  return server;
}

/** The device whose host was asked; `null`: the portal itself. */
function deviceOf({ headers }: IncomingMessage): string | null {
  return /^([a-z0-9-]+)\.localhost(?::\d+)?$/.exec(headers.host ?? '')?.[1] ?? null;
}

function page(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
  });
  response.end(html);
}

/** A form of at most 4 KiB. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 4096) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
}
