import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Stage } from '../scenarios/stage/stage.ts';
import { patience } from '../scenarios/stage/wait.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

test('a reflector that drains sends the agent by 302 to the other one, without a load balancer', async () => {
  const stage = new Stage();
  const audit = join(stage.directory, 'other.log');
  const other = await RemoteSystem.start({ services: [], agent: null, reflector: ['--audit', audit] });
  const redirect = ['--redirect', `http://127.0.0.1:${other.port}/`, '--drain', '8'];
  const first = await RemoteSystem.start({
    services: [{ port: 80 }],
    reflector: redirect,
    configuration: { reconnect: { min: 1, max: 1, refusedMax: 1 } },
  });
  const ended = once(first.reflector, 'exit');
  first.reflector.kill('SIGTERM');
  await first.agent?.logged(/closed by the reflector \(1001\)/);
  const connected = () => existsSync(audit) && readFileSync(audit, 'utf8').includes('"device-tunnel"');
  await vi.waitUntil(connected, { timeout: patience, interval: 50 });
  expect(JSON.parse(readFileSync(audit, 'utf8').split('\n', 1)[0] ?? '')).toMatchObject({
    event: 'device-tunnel',
    allowed: true,
    device: deviceId,
  });
  expect(await ended).toEqual([0, null]);
  await first.stop();
  await other.stop();
  await stage.end();
});
