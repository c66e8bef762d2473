import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import { within } from '../scenarios/stage/wait.ts';
import { curl } from '../system/curl.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { RmClient, run } from '../system/rm-client.ts';

/** A web server that wants TLS, as kind `https` and, under another port, with its own TLS. */

/** The agents of both hosts, as `npm test` has made them. */
const agents = [['node', 'dist/node/rm-agent.mjs'], ['dist/x86_64/rm-agent']].filter((words) =>
  existsSync(join(root, words.at(-1) ?? '')),
);

describe.each(agents.map((words) => [words.join(' '), words] as const))('behind %s', (_name, agent) => {
  let authority: Authority;
  let server: Server;
  let system: RemoteSystem;
  let client: RmClient;
  const forwards: ChildProcess[] = [];

  beforeAll(async () => {
    authority = new Authority();
    const { cert, key } = authority.issue({ names: 'DNS:camera.lan' });
    server = createServer({ cert, key }, (_request, response) => response.end('page of the camera\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const targetPort = (server.address() as AddressInfo).port;
    const services = [
      { port: 443, targetPort },
      { port: 8443, targetPort },
    ];
    system = await RemoteSystem.start({ agent, services });
    client = await RmClient.logIn(system);
  });

  afterAll(async () => {
    for (const forward of forwards) forward.kill('SIGTERM');
    client?.remove();
    await system?.stop();
    server?.close();
    server?.closeAllConnections();
    authority?.remove();
  });

  /** A port of this machine that leads to one of the device. */
  async function forwarded(port: number): Promise<number> {
    const forward = client.start(['forward', deviceId, '-R', String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    forwards.push(forward);
    const arrival = once(forward.stdout as NodeJS.ReadableStream, 'data');
    const [line] = (await within(arrival, 'rm-client to listen')) as [Buffer];
    return Number(/^127\.0\.0\.1:(\d+) /.exec(String(line))?.[1]);
  }

  const page = /page of the camera/;

  it('is a page like any other to a user of the reflector', async () => {
    const { status, output } = await curl(system, [`${system.url}/`]);
    expect([status, output.toString()]).toEqual([0, expect.stringMatching(page)]);
  });

  it('is plain HTTP to a TCP client', async () => {
    const port = await forwarded(443);
    const plain = await run('curl', ['--silent', '--show-error', `http://127.0.0.1:${port}/`]);
    expect(plain).toMatchObject({ status: 0, output: expect.stringMatching(page) });
    const tls = await run('curl', [
      '--silent',
      '--insecure',
      '--max-time',
      '20',
      `https://127.0.0.1:${port}/`,
    ]);
    expect(tls.status).not.toBe(0);
  });

  it('has its own TLS from end to end under the port of kind tcp', async () => {
    const port = await forwarded(8443);
    const client = spawn('openssl', [
      's_client',
      ...['-connect', `127.0.0.1:${port}`, '-servername', 'camera.lan'],
      ...['-CAfile', authority.file, '-verify_hostname', 'camera.lan', '-verify_return_error'],
      '-ign_eof',
    ]);
    let output = '';
    client.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    client.stdin.write('GET / HTTP/1.0\r\n\r\n');
    await within(once(client, 'close'), 'openssl s_client to end');
    expect(output).toMatch(/Verify return code: 0 \(ok\)/);
    expect(output).toMatch(page);
    const plain = await run('curl', ['--silent', `http://127.0.0.1:${port}/`]);
    expect(plain.output).not.toMatch(page);
  });
});
