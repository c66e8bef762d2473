import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { question, type SerialLine, startSerialLine } from './serial-line.ts';

const client = fileURLToPath(new URL('../../../client/dist/main.js', import.meta.url));
let line: SerialLine;
let reflector: LocalReflector;
let agent: Agent;

function environment(): NodeJS.ProcessEnv {
  const { name, password } = reflector.user;
  const { PATH } = process.env;
  return { PATH, RM_REFLECTOR: `http://localhost:${reflector.port}`, RM_USER: name, RM_PASSWORD: password };
}

beforeAll(async () => {
  line = await startSerialLine();
  reflector = await startLocalReflector('balance-1');
  agent = new Agent({
    reflector: reflector.uri,
    device: reflector.device,
    services: [{ port: 4001, target: '127.0.0.1', targetPort: line.port }],
  });
  agent.start();
  await agent.connected();
});

afterAll(async () => {
  await agent.stop();
  await reflector.close();
  line.stop();
});

it('a balance at a serial line answers the printed command, the first time, too', async () => {
  const args = ['forward', 'balance-1', '-R', '4001', '-C', question];
  const { stdout } = await promisify(execFile)(process.execPath, [client, ...args], { env: environment() });
  expect(stdout).toMatch(/^S S 12\.\d\d g\r\n/m);
});

it('a balance at a serial line answers through the tunnel, again and again', async () => {
  for (const round of [1, 2]) {
    const child = spawn(process.execPath, [client, 'connect', 'balance-1:4001'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: environment(),
    });
    const answers = createInterface({ input: child.stdout });
    child.stdin.write('S\r\n');
    const [weight] = await once(answers, 'line');
    expect(weight, `round ${round}`).toMatch(/^S S 12\.\d\d g$/);
    child.stdin.write('X\r\n');
    expect(await once(answers, 'line')).toEqual(['ES']);
    child.kill('SIGTERM');
    await once(child, 'close');
  }
});
