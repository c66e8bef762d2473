import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { Stage } from '../testing/stage.ts';

test('a connection on which many bodies come collects no listeners', async () => {
  const stage = await Stage.open();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  for (let i = 0; i < 15; i++) {
    const options = { host: 'localhost', method: 'POST', agent, headers, body: 'username=&password=' };
    await ask(stage.port, '/my-devices/api/token', options);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warned);
  expect(warnings).toEqual([]);
  agent.destroy();
  await stage.close();
});
