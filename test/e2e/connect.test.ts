import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../certificates/self-signed.ts';
import { startOpenSsh } from '../ssh/openssh.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { startChromium } from '../system/chromium.ts';
import { Lighttpd } from '../system/lighttpd.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { run } from '../system/rm-client.ts';

/**
 * Other people's programs that know the reflector as an HTTP proxy: `CONNECT DEVICE.DOMAIN:PORT`. The domain is in no DNS:
 * none of them looks it up.
 */

let openssh: SshServer;
let web: Lighttpd;
let tls: Server;
let tlsPort: number;
let system: RemoteSystem;
let directory: string;
const host = `${deviceId}.remote.test`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-connect-'));
  openssh = await startOpenSsh(deviceId);
  web = await Lighttpd.start();
  const { cert, key } = selfSigned(directory, host);
  const files = { cert: readFileSync(cert), key: readFileSync(key) };
  tls = createServer(files, (request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<title>${request.headers.host}</title>`);
  });
  await once(tls.listen(0, '127.0.0.1'), 'listening');
  tlsPort = (tls.address() as AddressInfo).port;
  system = await RemoteSystem.start({
    services: [{ port: openssh.port, kind: 'ssh' }, { port: web.port, kind: 'http' }, { port: tlsPort }],
    reflector: ['--domain', 'remote.test'],
  });
});

afterAll(async () => {
  await system?.stop();
  tls?.close();
  await web?.stop();
  await openssh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('curl --proxytunnel', () => {
  const curl = (lines: readonly string[], ...args: string[]) => {
    const file = join(directory, 'curlrc');
    const settings = [`proxy = "http://127.0.0.1:${system.port}"`, 'proxytunnel', ...lines];
    writeFileSync(file, `${settings.join('\n')}\n`, { mode: 0o600 });
    return run('curl', ['--silent', '--show-error', '--config', file, ...args]);
  };
  const login = (): string[] => [`proxy-user = "${system.user}:${system.password}"`];

  test('gets 8 MiB from the device itself, by name and password', async () => {
    const file = join(web.documents, 'large.bin');
    writeFileSync(file, randomFillSync(Buffer.alloc(8 << 20)));
    const copy = join(directory, 'copy.bin');
    const url = `http://${host}:${web.port}/large.bin`;
    expect(await curl(login(), '-o', copy, url)).toEqual({ status: 0, output: '', errors: '' });
    expect(digest(copy)).toBe(digest(file));
  });

  test('finds out by itself what the reflector wants, and takes a token', async () => {
    writeFileSync(join(web.documents, 'small.html'), 'small');
    const url = `http://${host}:${web.port}/small.html`;
    expect(await curl(login(), '--proxy-anyauth', url)).toMatchObject({ status: 0, output: 'small' });
    const form = { username: system.user, password: system.password, application: 'test' };
    const answer = await fetch(`http://127.0.0.1:${system.port}/my-devices/api/token`, {
      ...{ method: 'POST', body: new URLSearchParams(form) },
    });
    const { token } = (await answer.json()) as { token: string };
    const bearer = [`proxy-header = "Proxy-Authorization: Bearer ${token}"`];
    expect(await curl(bearer, url)).toMatchObject({ status: 0, output: 'small' });
  });

  test('without a tunnel, by absolute form, sees the web interface', async () => {
    writeFileSync(join(web.documents, 'plain.html'), 'plain');
    const args = ['--proxy', `http://127.0.0.1:${system.port}`, '--silent', '--show-error'];
    const file = join(directory, 'curl-user');
    writeFileSync(file, `${login()[0]}\n`, { mode: 0o600 });
    const url = `http://${host}/plain.html`;
    expect(await run('curl', ['--config', file, ...args, url])).toMatchObject({ status: 0, output: 'plain' });
  });

  test("speaks the device's own TLS", async () => {
    const url = `https://${host}:${tlsPort}/`;
    const pinned = ['--cacert', join(directory, `${host}.pem`)];
    expect((await curl(login(), ...pinned, url)).output).toBe(`<title>${host}:${tlsPort}</title>`);
  });

  test.each([
    ['without a log-in', (): string[] => [], (): string => `http://${host}:${web.port}/`, 407],
    ['to another host', login, (): string => 'http://elsewhere.example/', 403],
    ['to this machine', login, (): string => `http://127.0.0.1:${web.port}/`, 403],
    ['to the reflector itself', login, (): string => `http://remote.test:${system.port}/`, 403],
    ['to a port that is not forwarded', login, (): string => `http://${host}:1/`, 403],
    ['to no device', login, (): string => 'http://nobody.remote.test/', 404],
  ] as const)('%s it is refused', async (_, lines, url, status) => {
    const { status: exit, errors } = await curl(lines(), url());
    expect([exit, errors]).toEqual([56, expect.stringContaining(`response ${status}`)]);
  });
});

describe('ssh through nc -X connect', () => {
  const destination = () => `${openssh.user}@${host}`;
  /** OpenSSH with OpenBSD's `nc` on the way, and `expect` to type the password where `nc` asks for it. */
  async function withPassword(password: string, words: readonly string[]) {
    const proxy = `nc -X connect -x 127.0.0.1:${system.port} -P ${system.user} %h %p`;
    const options = [...openssh.clientOptions, '-o', `ProxyCommand=${proxy}`];
    const [program = '', ...args] = words;
    const script = join(directory, 'nc.exp');
    // In expect's list syntax, a word in braces is taken as it is.
    const line = [program, ...options, ...args].map((word) => `{${word}}`).join(' ');
    writeFileSync(
      script,
      `set timeout 120
spawn -noecho ${line}
expect {
  -re {Proxy password for [^:]*: $} { send {${password}}; send "\\r"; exp_continue }
  timeout { exit 99 }
  eof {}
}
exit [lindex [wait] 3]
`,
    );
    return run('expect', ['-f', script]);
  }

  test('runs a command', async () => {
    const words = ['ssh', '-p', String(openssh.port), destination(), 'echo reached; exit 7'];
    const { status, output } = await withPassword(system.password, words);
    expect([status, output]).toEqual([7, expect.stringContaining('reached\r\n')]);
  });

  test('copies 64 MiB, unchanged', async () => {
    const file = join(directory, 'large');
    writeFileSync(file, randomFillSync(Buffer.alloc(64 << 20)));
    const copy = join(directory, 'copied');
    const words = ['scp', '-q', '-P', String(openssh.port), file, `${destination()}:${copy}`];
    expect((await withPassword(system.password, words)).status).toBe(0);
    expect(digest(copy)).toBe(digest(file));
  });

  test('says that the password is wrong', async () => {
    const words = ['ssh', '-p', String(openssh.port), destination(), 'echo reached'];
    const { status, output } = await withPassword('wrong', words);
    expect([status, output]).toEqual([255, expect.stringContaining('Proxy authentication failed')]);
  });
});

describe('a reflector with TLS of its own', () => {
  test('each direction ends by itself', async () => {
    const { cert, key } = selfSigned(directory, 'remote.test', { names: 'DNS:remote.test,IP:127.0.0.1' });
    // Answers only after the end of the request: nothing comes of it without a half-close.
    const service = createTcpServer({ allowHalfOpen: true }, (socket) => {
      let request = '';
      socket.on('data', (bytes) => {
        request += bytes;
      });
      socket.on('end', () => socket.end(`answer to: ${request}`));
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    const { port: servicePort } = service.address() as AddressInfo;
    const port = await reservedPort();
    const secure = await RemoteSystem.start({
      services: [{ port: servicePort }],
      reflector: [
        '--domain',
        'remote.test',
        '--tls-cert',
        cert,
        '--tls-key',
        key,
        '--listen',
        `127.0.0.1:${port}`,
      ],
      configuration: { reflector: `https://127.0.0.1:${port}/`, tls: { ca: cert } },
    });
    const ca = readFileSync(cert);
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'remote.test',
      ca,
    });
    const login = Buffer.from(`${secure.user}:${secure.password}`).toString('base64');
    const target = `${host}:${servicePort}`;
    socket.write(
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${login}\r\n\r\n`,
    );
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\n$/);
    const answer = text(socket);
    socket.end('a request');
    expect(await answer).toBe('answer to: a request');
    await secure.stop();
    service.close();
  });
});

describe('Chromium with the reflector as its proxy', () => {
  test("shows the device's own HTTPS page, and no other host", async () => {
    const browser = await startChromium();
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      proxy: { server: `http://127.0.0.1:${system.port}`, username: system.user, password: system.password },
    });
    const page = await context.newPage();
    await page.goto(`https://${host}:${tlsPort}/`);
    expect(await page.title()).toBe(`${host}:${tlsPort}`);
    await expect(page.goto('https://elsewhere.example/')).rejects.toThrow('ERR_TUNNEL_CONNECTION_FAILED');
    await browser.close();
  });
});
