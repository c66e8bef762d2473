import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startDropbear } from '../../../../test/ssh/dropbear.ts';
import { startOpenSsh } from '../../../../test/ssh/openssh.ts';
import type { SshServer } from '../../../../test/ssh/ssh-server.ts';
import { SshConnection } from '../../../src/ssh/session.ts';
import { channelTo } from '../testing/tcp-socket.ts';
import { browserKey, makeBrowserKey } from './browser-key.ts';

/** An sshd that exchanges keys after each mebibyte. */
let server: SshServer;
beforeAll(async () => {
  server = await startOpenSsh('device', null, ['RekeyLimit 1M']);
});
afterAll(() => server?.stop());
afterEach(() => vi.restoreAllMocks());

/** Log-in with a key of this "browser". */
async function loggedIn(): Promise<SshConnection> {
  await makeBrowserKey('alice');
  const key = await browserKey('alice');
  if (!key) throw new Error('no key');
  appendFileSync(server.authorizedKeys, `${key.line}\n`);
  const connection = await SshConnection.open(await channelTo(server.port), null);
  expect(await connection.logInByKey(server.user, key.pair)).toBe(true);
  return connection;
}

test('the device begins key exchanges in the midst of its output and of a paste', async () => {
  const connection = await loggedIn();
  const outputBytes = 5_000_000;
  const paste = new Uint8Array(3_000_000).fill(0x61);
  let text = '';
  let taken = 0;
  let hearReady = () => {};
  const ready = new Promise<void>((resolve) => {
    hearReady = resolve;
  });
  const shell = await connection.shell({ columns: 80, rows: 24 }, (bytes) => {
    taken += bytes.length;
    text += new TextDecoder().decode(bytes);
    // Here, because what follows pushes it out.
    if (text.includes('ready')) hearReady();
    text = text.slice(-1000);
    return Promise.resolve();
  });
  const first = new TextEncoder().encode(
    `stty raw -echo; echo rea""dy; yes | head -c ${outputBytes}; head -c ${paste.length} | sha256sum; exit 7\n`,
  );
  expect(await shell.write(first)).toBe(true);
  await ready;
  for (let at = 0; at < paste.length; at += 30_000) {
    shell.write(paste.subarray(at, at + 30_000)).catch(() => {});
  }
  expect(await shell.ended).toBe(7);
  expect(taken).toBeGreaterThan(outputBytes);
  expect(text).toContain(createHash('sha256').update(paste).digest('hex'));
});

test.each([
  ['OpenSSH', () => startOpenSsh()],
  ['Dropbear', () => startDropbear()],
])('a browser without Ed25519 has nothing in common with %s', async (_, start) => {
  const device = await start();
  try {
    const generateKey = crypto.subtle.generateKey.bind(crypto.subtle) as (
      algorithm: { readonly name: string },
      ...rest: unknown[]
    ) => Promise<CryptoKey>;
    vi.spyOn(crypto.subtle, 'generateKey').mockImplementation((algorithm, ...rest) => {
      const given = algorithm as unknown as { readonly name: string };
      return given.name === 'Ed25519'
        ? Promise.reject(new DOMException('', 'NotSupportedError'))
        : (generateKey(given, ...rest) as Promise<never>);
    });
    const opened = SshConnection.open(await channelTo(device.port), null);
    await expect(opened).rejects.toMatchObject({ key: 'ssh.algorithms' });
  } finally {
    await device.stop();
  }
});
