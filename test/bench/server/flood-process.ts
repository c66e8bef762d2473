import { Agent, request } from 'node:http';

/** Users who call the API of one server all the time, in a process of their own. */

/** A flood that is to begin; `null` ends it. */
export interface FloodOrder {
  readonly port: number;
  /** Of each user. */
  readonly tokens: readonly string[];
  readonly devices: number;
}

/** Calls since the flood began, by their status. */
export type FloodCounts = Readonly<Record<number, number>>;

/** What a user asks for, in turn: a page of a filter, a device, an own account, a change that is refused. */
const calls: readonly (readonly [method: string, path: (n: number) => string])[] = [
  ['GET', () => '/devices?limit=50&text=berlin'],
  ['GET', (n) => `/devices/device-${n.toString(36).padStart(5, '0')}`],
  ['GET', () => '/account'],
  ['GET', () => '/devices?limit=50&sort=-lastSeen&domain=big'],
  ['GET', () => '/domains'],
  ['PATCH', (n) => `/devices/device-${n.toString(36).padStart(5, '0')}`],
];

const agent = new Agent({ keepAlive: true });
let present: FloodOrder | null = null;
let counts: Record<number, number> = {};

process.on('message', (order: FloodOrder | null) => {
  if (order === null) {
    present = null;
    process.send?.(counts satisfies FloodCounts);
    return;
  }
  counts = {};
  present = order;
  for (const [user, token] of order.tokens.entries()) void goOn(order, user, token);
});
process.once('disconnect', () => process.exit(0));

async function goOn(order: FloodOrder, user: number, token: string): Promise<void> {
  for (let n = user; present === order; n++) {
    const [method, path] = calls[n % calls.length] as (typeof calls)[number];
    const status = await call(order.port, token, method, path(1 + ((n * 7) % order.devices)));
    counts[status] = (counts[status] ?? 0) + 1;
  }
}

/** Status of the answer; 0: there was none. */
function call(port: number, token: string, method: string, path: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { Host: `localhost:${port}`, Authorization: `Bearer ${token}` };
    const where = { agent, host: '127.0.0.1', port, method, path: `/my-devices/api${path}`, headers };
    const asking = request(where, (response) => {
      response.resume();
      response.on('error', () => resolve(0));
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asking.on('error', () => resolve(0));
    asking.end();
  });
}
