import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type LocalReflector, startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Desktop, startDesktop } from './desktop.ts';

const client = fileURLToPath(new URL('../../../client/dist/main.js', import.meta.url));
let desktop: Desktop;
let reflector: LocalReflector;
let agent: Agent;

beforeAll(async () => {
  desktop = await startDesktop('panel-1');
  reflector = await startLocalReflector('panel-1');
  agent = new Agent({
    reflector: reflector.uri,
    device: reflector.device,
    services: [{ port: 5900, kind: 'vnc', target: '127.0.0.1', targetPort: desktop.port }],
  });
  agent.start();
  await agent.connected();
});

afterAll(async () => {
  await agent.stop();
  await reflector.close();
  await desktop.stop();
});

it('the desktop is one of VNC without a password, through the tunnel', async () => {
  const { name, password } = reflector.user;
  const child = spawn(process.execPath, [client, 'connect', '--kind=vnc', 'panel-1:5900'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { RM_REFLECTOR: `http://localhost:${reflector.port}`, RM_USER: name, RM_PASSWORD: password },
  });
  // RFC 6143 section 7.1: both sides name a version, then the server its security types. 1 is none.
  const [version] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(version)).toBe('RFB 003.008\n');
  child.stdin.write('RFB 003.008\n');
  const [types] = (await once(child.stdout, 'data')) as [Buffer];
  expect([...types]).toEqual([1, 1]);
  child.kill('SIGTERM');
  await once(child, 'close');
});
