import { StoreError } from 'rm-reflector/ports';
import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import type { Core } from '../part.ts';

type HealthContext = Pick<Core, 'store' | 'presence' | 'queues' | 'clock'>;

/** How the server does, for people. Load balancers ask `/my-devices/health.json`, which tells strangers no more than that. */
export function healthEndpoint({ store, presence, queues, clock }: HealthContext, version: string): Endpoint {
  const started = clock.now();
  return endpoint({
    operation: 'getHealth',
    method: 'GET',
    path: '/health',
    tag: 'Server',
    summary: 'Tells how the server does.',
    needs: 'server.read',
    replies: [
      {
        status: 200,
        description: 'Also when something is wrong.',
        schema: Type.Object({
          store: Type.String({ description: '`ok`, or what is wrong with the data file or the database.' }),
          version: Type.String(),
          uptime: Type.Integer({ description: 'Seconds since the start.' }),
          online: Type.Integer({ description: 'Devices on line, at all nodes together.' }),
          queues: Type.Record(Type.String(), Type.Integer(), { description: 'What waits in this server.' }),
        }),
      },
    ],
    async handle({ caller }) {
      caller.require('server.read', { kind: 'everything' });
      const lengths = [...queues].map(([name, length]) => [name, length()] as const);
      return {
        body: {
          store: await faultOf(store),
          version,
          uptime: Math.floor((clock.now() - started) / 1000),
          online: presence.local.size + (presence.remoteCount ?? 0),
          queues: Object.fromEntries(lengths),
        },
      };
    },
  });
}

async function faultOf(store: Pick<Core['store'], 'check'>): Promise<string> {
  try {
    await store.check();
    return 'ok';
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
}
