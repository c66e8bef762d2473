import { Agent, request } from 'node:https';

/** Whom to ask for what. */
export interface SweepQuestion {
  /** Addresses of nodes, each of which is to reach each device. */
  readonly nodes: readonly string[];
  readonly port: number;
  /** Below which the devices have their hosts. */
  readonly domain: string;
  readonly token: string;
  readonly devices: readonly string[];
  /** Requests at a time, for each node. */
  readonly parallel: number;
}

/** Seconds from the beginning until so many of the devices had answered through each of the nodes. */
export interface SweepAnswer {
  readonly half: number;
  readonly most: number;
  readonly all: number;
  /** Requests that were not answered by the device. */
  readonly failed: number;
}

/** A device that was not reached is not asked again sooner, ms: what asks takes processor time from the nodes. */
const pauseMs = 1_000;

/** Asks all devices through all nodes until each has answered. Rejects when another device answers than the one that was asked. */
export async function sweep(question: SweepQuestion): Promise<SweepAnswer> {
  const began = performance.now();
  const reached = new Map<string, number[]>();
  let failed = 0;
  await Promise.all(
    question.nodes.map(async (node) => {
      const agent = new Agent({ keepAlive: true, maxSockets: question.parallel, rejectUnauthorized: false });
      let pending = [...question.devices];
      while (pending.length > 0) {
        const round = performance.now();
        const left: string[] = [];
        const queue = pending.values();
        const ask = async () => {
          for (const device of queue) {
            if (await answers(agent, node, device, question)) {
              const times = reached.get(device) ?? [];
              times.push((performance.now() - began) / 1_000);
              reached.set(device, times);
            } else {
              failed++;
              left.push(device);
            }
          }
        };
        await Promise.all(Array.from({ length: question.parallel }, ask));
        pending = left;
        if (pending.length > 0)
          await new Promise((resolve) => setTimeout(resolve, pauseMs - (performance.now() - round)));
      }
      agent.destroy();
    }),
  );
  const times = [...reached.values()].map((of) => Math.max(...of)).sort((a, b) => a - b);
  const at = (part: number) => times[Math.ceil(times.length * part) - 1] ?? 0;
  return { half: at(0.5), most: at(0.99), all: at(1), failed };
}

/** Rejects when another device answers. */
async function answers(
  agent: Agent,
  host: string,
  device: string,
  { port, domain, token }: SweepQuestion,
): Promise<boolean> {
  const body = await get(agent, host, port, `${device}.${domain}`, token).catch(() => null);
  if (body === null) return false;
  if (!body.startsWith(`${device} `)) throw new Error(`${body} answered in the place of ${device}`);
  return true;
}

/** The body of an answer with the status 200; `null`: another status. */
function get(agent: Agent, host: string, port: number, name: string, token: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const headers = { Host: `${name}:${port}`, Authorization: `Bearer ${token}` };
    const asking = request({ agent, host, port, path: '/20', headers, timeout: 30_000 }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode === 200 ? body : null));
    });
    asking.on('timeout', () => asking.destroy());
    asking.on('error', reject);
    asking.end();
  });
}
