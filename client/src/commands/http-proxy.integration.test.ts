import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServer } from '../testing/server.ts';
import { password, ports, Stage, user } from '../testing/stage.ts';

/** The commands against a reflector with a device behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

describe('through an HTTP proxy', () => {
  /** Answers CONNECT when the credentials are those it wants. */
  function proxy(authorization: string | null): Promise<TestServer> {
    return TestServer.open((socket: Socket) => {
      socket.once('data', (head) => {
        const [, host, port] = /^CONNECT ([^ :]+):(\d+) HTTP\/1\.1\r\n/.exec(head.toString()) ?? [];
        const given = /^Proxy-Authorization: (.*)$/im.exec(head.toString())?.[1]?.trim() ?? null;
        if (given !== authorization) {
          socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
          return;
        }
        const onward = connect({
          host: host === 'localhost' ? '127.0.0.1' : String(host),
          port: Number(port),
        });
        onward.on('error', () => socket.destroy());
        onward.once('connect', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
        socket.pipe(onward).pipe(socket);
      });
    });
  }

  test('of the option or the variable', async () => {
    const server = await proxy(null);
    for (const [environment, option] of [
      [{}, ['--proxy', `http://127.0.0.1:${server.port}`]],
      [{ http_proxy: `http://127.0.0.1:${server.port}` }, []],
    ] as const) {
      const command = stage.command({ RM_USER: user, RM_PASSWORD: password, ...environment });
      const answer = text(command.stdout);
      command.stdin.end('over the proxy');
      expect(await command.run('connect', ...option, `pump-7:${ports.echo}`)).toMatchObject({
        status: 0,
        err: '',
      });
      expect(await answer).toBe('over the proxy');
    }
    expect(server.sockets).toHaveLength(2);
    const command = stage.command({
      RM_USER: user,
      RM_PASSWORD: password,
      http_proxy: 'http://127.0.0.1:1',
      no_proxy: 'localhost',
    });
    command.stdin.end();
    expect(await command.run('connect', 'pump-7:7')).toMatchObject({ status: 0, err: '' });
    await server.close();
  });

  test('with a password, which is never repeated', async () => {
    const server = await proxy(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    const through = (credentials: string) =>
      stage.command({
        RM_USER: user,
        RM_PASSWORD: password,
        http_proxy: `http://${credentials}127.0.0.1:${server.port}`,
      });
    expect(await through('me:p%40ss@').run('devices')).toMatchObject({ status: 0, err: '' });
    const line = `rm-client: proxy 127.0.0.1:${server.port} answered 407 Proxy Authentication Required`;
    expect((await through('').run('devices')).err).toBe(`${line}: it wants a password\n`);
    expect((await through('me:no@').run('devices')).err).toBe(`${line}: wrong user or password\n`);
    await server.close();
  });
});
