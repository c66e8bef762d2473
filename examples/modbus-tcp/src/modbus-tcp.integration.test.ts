import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { expect, it, onTestFinished } from 'vitest';
import { startController } from './controller.ts';

const client = fileURLToPath(new URL('../../../client/dist/main.js', import.meta.url));
const read = fileURLToPath(new URL('../dist/read.js', import.meta.url));

it('a Modbus client reads the registers of a controller through the tunnel', async () => {
  const controller = await startController();
  onTestFinished(() => controller.close());
  const reflector = await startLocalReflector('controller-1');
  onTestFinished(() => reflector.close());
  const agent = new Agent({
    reflector: reflector.uri,
    device: reflector.device,
    services: [{ port: 502, target: '127.0.0.1', targetPort: controller.port }],
  });
  onTestFinished(() => agent.stop());
  agent.start();
  await agent.connected();

  const { name, password } = reflector.user;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [client, 'forward', 'controller-1', '-R', '502', '-C', `'${process.execPath}' '${read}' %p`],
    {
      env: {
        ...process.env,
        RM_REFLECTOR: `http://localhost:${reflector.port}`,
        RM_USER: name,
        RM_PASSWORD: password,
      },
    },
  );
  expect(stdout).toContain('temperature 21.5\nsetpoint 22.0\nhumidity 48.3\n');
});
