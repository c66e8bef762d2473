import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startOpenSsh } from '../../../../test/ssh/openssh.ts';
import type { SshServer } from '../../../../test/ssh/ssh-server.ts';
import { limits } from '../../../src/ssh/limits.ts';
import { ServedSsh } from '../../../src/ssh-at-server/served-ssh.ts';
import type { ChannelSocket } from '../connection/channel.ts';
import { limits as pageLimits } from '../limits.ts';
import { browserKey, makeBrowserKey } from './browser-key.ts';
import { isLogIn, SshAtServer } from './ssh-at-server.ts';

/** The page's side and the server's, with OpenSSH behind, and what they say to each other. */

let server: SshServer;
beforeAll(async () => {
  server = await startOpenSsh();
});
afterAll(() => server?.stop());

/** The WebSocket between page and server, without a network. */
class Link extends EventTarget {
  readyState = 1;
  readonly bufferedAmount = 0;
  readonly #sent: (string | Buffer)[] = [];
  #wake = () => {};

  /** From the page. */
  send(data: string | Uint8Array): void {
    this.#sent.push(typeof data === 'string' ? data : Buffer.from(data));
    this.#wake();
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState > 1) return;
    this.readyState = 3;
    this.#wake();
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }

  async *messages(): AsyncGenerator<string | Buffer> {
    for (;;) {
      const message = this.#sent.shift();
      if (message !== undefined) yield message;
      else if (this.readyState > 1) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** From the server. */
  async say(message: string | Uint8Array): Promise<boolean> {
    if (this.readyState > 1) return false;
    const data = typeof message === 'string' ? message : Uint8Array.from(message).buffer;
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
    return true;
  }
}

let link: Link;
let page: SshAtServer;
/** As if the page were looked at again. */
let look: () => void;
beforeEach(async () => {
  link = new Link();
  const device = connect(server.port, '127.0.0.1');
  device.on('error', () => {});
  await once(device, 'connect');
  const socket = {
    messages: link.messages(),
    send: (message: string | Uint8Array) => link.say(message),
    close: (code?: number, reason?: string) => link.close(code, reason),
  };
  const connection = {
    read: () => device as AsyncIterable<Buffer>,
    write: (bytes: Uint8Array) =>
      new Promise<boolean>((resolve) => {
        device.write(bytes, (error) => resolve(!error));
      }),
    close: () => device.destroy(),
  };
  const [own, nothing] = [link, () => {}];
  ServedSsh.serve(socket, socket.messages, connection, nothing, nothing).then(
    () => own.close(),
    () => own.close(1011),
  );
  page = new SshAtServer(link as unknown as ChannelSocket, (given) => {
    look = given;
    return () => {};
  });
  await page.begin(null);
});
afterEach(() => page.close());

async function loggedIn(): Promise<void> {
  await makeBrowserKey('judy');
  const key = await browserKey('judy');
  if (!key) throw new Error('no key');
  appendFileSync(server.authorizedKeys, `${key.line}\n`);
  expect(await page.logInByKey(server.user, key.pair)).toBe(true);
}

test('typedBytes: a paste is taken as fast as the device takes it, and more at once ends the connection', async () => {
  await loggedIn();
  const paste = new Uint8Array(1_000_000).fill(0x61);
  let text = '';
  let hearReady = () => {};
  const ready = new Promise<void>((resolve) => {
    hearReady = resolve;
  });
  const shell = await page.shell({ columns: 80, rows: 24 }, (bytes) => {
    text += new TextDecoder().decode(bytes);
    if (text.includes('ready')) hearReady();
    return Promise.resolve();
  });
  const line = `stty raw -echo; echo rea""dy; head -c ${paste.length} | sha256sum; exit 7\n`;
  await shell.write(new TextEncoder().encode(line));
  await ready;
  await shell.write(paste);
  expect(await shell.ended).toBe(7);
  expect(text).toContain(createHash('sha256').update(paste).digest('hex'));
});

test('typedBytes: a page that does not wait for the device ends its connection', async () => {
  await loggedIn();
  const shell = await page.shell({ columns: 80, rows: 24 }, () => Promise.resolve());
  for (let sent = 0; sent <= limits.typedBytes; sent += limits.messageBytes)
    link.send(new Uint8Array(limits.messageBytes));
  expect(await page.ended).toMatchObject({ key: 'end.failed' });
  expect(await shell.ended).toBeNull();
});

test('answerLength: a longer password ends the connection', async () => {
  link.send(
    JSON.stringify({ type: 'password', user: 'root', password: 'x'.repeat(limits.answerLength + 1) }),
  );
  expect(await page.ended).toMatchObject({ key: 'end.failed' });
});

test('a page that says to have taken more than it was sent ends its connection', async () => {
  link.send(JSON.stringify({ type: 'taken', bytes: 1 }));
  expect(await page.ended).toMatchObject({ key: 'end.failed' });
});

test('the page signs a log-in of this user by this key, and nothing else', () => {
  const publicKey = new Uint8Array(32).fill(7);
  const string = (bytes: Uint8Array | string) => {
    const data = Buffer.from(bytes);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, data]);
  };
  const key = Buffer.concat([string('ssh-ed25519'), string(publicKey)]);
  const logIn = (user: string, session: Uint8Array, service = 'ssh-connection') =>
    Buffer.concat([
      string(session),
      Buffer.of(50),
      string(user),
      string(service),
      string('publickey'),
      Buffer.of(1),
      string('ssh-ed25519'),
      string(key),
    ]);
  const session = new Uint8Array(32).fill(9);
  expect(isLogIn(logIn('root', session), 'root', publicKey)).toBe(true);
  expect(isLogIn(logIn('admin', session), 'root', publicKey)).toBe(false);
  expect(isLogIn(logIn('root', session, 'ssh-userauth'), 'root', publicKey)).toBe(false);
  expect(isLogIn(logIn('root', session), 'root', new Uint8Array(32))).toBe(false);
  // Two strings in the place of the session.
  const two = Buffer.concat([string(session), logIn('root', session)]);
  expect(isLogIn(two, 'root', publicKey)).toBe(false);
  expect(isLogIn(new Uint8Array(3), 'root', publicKey)).toBe(false);
});

test('the server answers a page that asks whether it is there', async () => {
  const heard = once(link, 'message');
  look();
  const [{ data }] = (await heard) as [MessageEvent<string>];
  expect(JSON.parse(data)).toEqual({ type: 'alive' });
});

test('returnedMs: a page whose server does not answer any more says that the connection is lost', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  try {
    link.say = () => Promise.resolve(true);
    link.close = () => {};
    look();
    vi.advanceTimersByTime(pageLimits.returnedMs);
    expect((await page.ended).key).toBe('end.lost');
  } finally {
    vi.useRealTimers();
  }
});
