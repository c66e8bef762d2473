import { once } from 'node:events';
import { type IncomingHttpHeaders, request, type Server } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { demoCustomers } from './demo-customers.ts';
import { type DemoFleet, startDemoFleet } from './demo-fleet.ts';
import { portal } from './portal.ts';

let fleet: DemoFleet;
let server: Server;
let passwords: ReadonlyMap<string, string>;
let port = 0;

beforeAll(async () => {
  fleet = await startDemoFleet();
  const demo = demoCustomers(fleet);
  passwords = demo.passwords;
  server = portal(demo.customers).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as { readonly port: number }).port;
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await fleet.close();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A browser without redirects: hosts below localhost are this machine. */
async function ask(
  url: string,
  { cookie, method = 'GET', body }: { cookie?: string; method?: string; body?: string } = {},
): Promise<Answer> {
  const { host, pathname, search } = new URL(url);
  const form = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const headers = { host, ...form, ...(cookie && { cookie }) };
  const asked = request({ port, method, path: pathname + search, headers });
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

const cookieFrom = ({ headers }: Answer) => headers['set-cookie']?.[0]?.split(';')[0] ?? '';
const own = (path: string) => `http://localhost:${port}${path}`;

async function logIn(name: string): Promise<string> {
  const body = new URLSearchParams({ name, password: passwords.get(name) ?? '' }).toString();
  const answer = await ask(own('/log-in'), { method: 'POST', body });
  expect(answer.status).toBe(303);
  return cookieFrom(answer);
}

it('a customer sees the own devices and opens the page of one, and no page has the API key', async () => {
  const cookie = await logIn('acme');
  const list = await ask(own('/'), { cookie });
  expect(list.text).toContain('Pump of acme');
  expect(list.text).not.toContain('northwind');

  const ticket = await ask(own('/open/pump-of-acme'), { cookie, method: 'POST' });
  const way = ticket.headers.location ?? '';
  expect(way).toMatch(/^http:\/\/pump-of-acme\.localhost:\d+\/\.portal-ticket\?/);
  const entrance = await ask(way);
  const device = cookieFrom(entrance);
  const page = await ask(`http://pump-of-acme.localhost:${port}/`, { cookie: device });
  expect([page.status, page.text]).toEqual([200, 'This is pump-of-acme.\n']);
  const all = JSON.stringify([list, ticket, entrance, page]);
  for (const key of fleet.keys.values()) expect(all).not.toContain(key);

  // A ticket is good once, and the cookie of a device for that device.
  expect((await ask(way)).status).toBe(403);
  expect((await ask(`http://pump-of-northwind.localhost:${port}/`, { cookie: device })).status).toBe(403);
});

it('a customer does not open the device of another, and nobody one without logging in', async () => {
  const cookie = await logIn('acme');
  expect((await ask(own('/open/pump-of-northwind'), { cookie, method: 'POST' })).status).toBe(404);
  expect((await ask(`http://pump-of-acme.localhost:${port}/`)).status).toBe(403);
  expect((await ask(own('/'))).text).toContain('Log in');
  const body = 'name=acme&password=wrong';
  expect((await ask(own('/log-in'), { method: 'POST', body })).status).toBe(401);
});

it('even the key of a customer reaches no device of another', async () => {
  const response = await fetch(new URL('/my-devices/api/devices/pump-of-northwind', fleet.server), {
    headers: { authorization: `Bearer ${fleet.keys.get('acme')}` },
  });
  expect(response.status).toBe(404);
});
