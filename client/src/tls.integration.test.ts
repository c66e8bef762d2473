import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Reflector, startReflector } from 'rm-reflector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../test/certificates/self-signed.ts';
import { TestServer } from './testing/server.ts';
import { TestCommand } from './testing/test-command.ts';

describe('a reflector with TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-client-tls-'));
  let own: { cert: string; key: string };
  let other: { cert: string; key: string };
  let reflector: Reflector;
  let mistaken: Reflector;
  beforeAll(async () => {
    own = selfSigned(folder, 'localhost', { names: 'DNS:localhost' });
    other = selfSigned(folder, 'elsewhere', { names: 'DNS:elsewhere' });
    reflector = await startReflector({ tls: own });
    mistaken = await startReflector({ tls: other });
  });
  afterAll(async () => {
    await reflector.close();
    await mistaken.close();
    rmSync(folder, { recursive: true });
  });

  const run = (url: string, ...options: string[]) =>
    new TestCommand({ XDG_CONFIG_HOME: folder, RM_REFLECTOR: url, RM_USER: 'a', RM_PASSWORD: 'b' }).run(
      'devices',
      ...options,
    );

  test('is not trusted without its certificate', async () => {
    expect(await run(reflector.url)).toEqual({
      status: 1,
      out: '',
      err: `rm-client: ${reflector.url}: its certificate is not trusted: it is self-signed (see --ca)\n`,
    });
  });

  test('is trusted with it, through a proxy too', async () => {
    const where = `localhost:${reflector.port}`;
    const refused = { status: 1, out: '', err: `rm-client: ${where}: wrong password, or no user a\n` };
    expect(await run(reflector.url, '--ca', own.cert)).toEqual(refused);
    const proxy = await TestServer.open((socket) => {
      socket.once('data', () => {
        const onward = connect(reflector.port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
        onward.on('error', () => {});
        socket.pipe(onward).pipe(socket);
      });
    });
    expect(await run(reflector.url, '--ca', own.cert, '--proxy', `127.0.0.1:${proxy.port}`)).toEqual(refused);
    expect(proxy.sockets).toHaveLength(1);
    await proxy.close();
  });

  test('must have the right name', async () => {
    expect((await run(mistaken.url, '--ca', other.cert)).err).toBe(
      `rm-client: ${mistaken.url}: its certificate is for another host name\n`,
    );
  });

  test('is not checked with --insecure, which is said', async () => {
    expect((await run(mistaken.url, '--insecure')).err).toMatch(/^rm-client: WARNING: .*\n.*wrong password/);
  });

  test('that speaks no TLS after all is one line', async () => {
    const plain = await TestServer.open((socket) => {
      void text(socket).catch(() => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const url = `https://localhost:${plain.port}`;
    expect((await run(url)).err).toBe(`rm-client: ${url}: TLS failed: wrong version number\n`);
    await plain.close();
  });
});
