import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { getFromDevice } from 'local-reflector/get-from-device';
import { Agent, httpHandler } from 'rm-agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Heater } from './heater.ts';

let reflector: LocalReflector;
let agent: Agent;
const heater = new Heater();

beforeAll(async () => {
  reflector = await startLocalReflector('heater-1');
  agent = new Agent({
    reflector: reflector.uri,
    device: reflector.device,
    services: [{ port: 80, kind: 'http', handler: httpHandler(heater.serve) }],
  });
  agent.start();
  await agent.connected();
});

afterAll(async () => {
  await agent.stop();
  await reflector.close();
});

describe('the heater, through the reflector', () => {
  it('shows its page', async () => {
    const { status, text } = await getFromDevice(reflector, '/');
    expect([status, text]).toEqual([200, expect.stringContaining('value="21"')]);
  });

  it.each([
    ['19', 204, 19],
    ['30.5', 400, 19],
    ['x', 400, 19],
    ['9'.repeat(10_000), 400, 19],
  ])('is set to %s', async (body, status, target) => {
    expect(await getFromDevice(reflector, '/target', { method: 'POST', body })).toMatchObject({ status });
    expect(await getFromDevice(reflector, '/target')).toEqual({ status: 200, text: String(target) });
  });

  it('has no other page', async () => {
    expect(await getFromDevice(reflector, '/other')).toMatchObject({ status: 404 });
  });
});
