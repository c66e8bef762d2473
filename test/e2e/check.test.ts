import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { within } from '../scenarios/stage/wait.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** `rm-agent check` beside the running agent, behind our reflector: curl is in the middle of a download. */

const executables: [string, string[]][] = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
];

/** A device that has sent the first half of a file and sends the rest when it is told to. */
async function halfway() {
  const half = Buffer.alloc(100_000, 'x');
  let goOn: () => void = () => undefined;
  const server = createServer(({ url }, response: ServerResponse) => {
    // `check` asks for the page of the service.
    if (url !== '/file') {
      response.end('page');
      return;
    }
    response.writeHead(200, { 'Content-Length': 2 * half.length });
    response.write(half);
    goOn = () => response.end(half);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    size: 2 * half.length,
    goOn: () => goOn(),
    stop: () => server.closeAllConnections(),
    server,
  };
}

describe.each(executables)('check with %s', (_name, agent) => {
  test('lets a download go on, and --dial does not', async () => {
    const device = await halfway();
    const services = [{ port: device.port, kind: 'http' }];
    const control = `/tmp/rm-check-${process.pid}-${device.port}`;
    const system = await RemoteSystem.start({ services, agent, configuration: { control } });
    const download = () => {
      const command = ['--silent', '--user', `${system.user}:${system.password}`, '--resolve'];
      const child = spawn('curl', [...command, `${system.host}:127.0.0.1`, `${system.url}/file`], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let received = 0;
      child.stdout.on('data', (bytes: Buffer) => {
        received += bytes.length;
      });
      return { child, begun: once(child.stdout, 'data'), received: () => received };
    };
    const check = async (...options: string[]) => {
      const config = join(system.directory, 'rm-agent.json');
      const checking = AgentProcess.start(['check', ...options, '--config', config], {}, agent);
      const { status } = await checking.ended();
      return { status, output: checking.output };
    };
    try {
      const first = download();
      await within(first.begun, 'the download to begin');
      const asked = await check();
      expect(asked).toMatchObject({ status: 0, output: expect.stringMatching(/^ok +tunnel +to http:/m) });
      const end = once(first.child, 'close');
      device.goOn();
      expect([(await within(end, 'curl to end'))[0], first.received()]).toEqual([0, device.size]);

      const second = download();
      await within(second.begun, 'the download to begin');
      const cut = once(second.child, 'close');
      expect((await check('--dial')).status).toBe(0);
      expect((await within(cut, 'curl to end'))[0]).not.toBe(0);
    } finally {
      await system.stop();
      device.stop();
      device.server.close();
    }
  });
});
