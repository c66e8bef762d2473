import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import { afterEach, expect, test, vi } from 'vitest';
import { type Shell, SshConnection, SshFailure } from '../ssh/session.ts';
import { ServedSsh } from './served-ssh.ts';

/** When a terminal begins, as its recorder is told. The device is what `shell` says; nobody logs in. */

const size = { columns: 80, rows: 24 };
const shell: Shell = {
  write: async () => true,
  resize: () => {},
  close: () => {},
  ended: Promise.resolve(0),
};

/** What the page, which asks for a shell at once, and the recorder are told, in that order. */
async function told(open: SshConnection['shell']): Promise<string[]> {
  const all: string[] = [];
  const ssh = { serverKey: { type: 'ssh-ed25519' }, shell: open, leave: async () => {} };
  vi.spyOn(SshConnection, 'open').mockResolvedValue(ssh as unknown as SshConnection);
  const socket = {
    send: async (message: string | Uint8Array) => {
      all.push(typeof message === 'string' ? JSON.parse(message).type : String(Buffer.from(message)));
      return true;
    },
    close: (_code: number, reason: string) => all.push(reason),
  } as unknown as RouteSocket;
  const connection = { read: async function* () {}, write: async () => true, close: () => {} };
  async function* messages() {
    yield JSON.stringify({ type: 'begin', known: null });
    yield JSON.stringify({ type: 'shell', ...size });
    await new Promise(() => {});
  }
  await ServedSsh.serve(
    socket,
    messages(),
    connection as unknown as PortConnection,
    ({ columns, rows }) => all.push(`${columns}x${rows}`),
    () => {},
  );
  return all;
}

afterEach(() => vi.restoreAllMocks());

test('a terminal begins when the device grants the shell', async () => {
  expect(await told(async () => shell)).toEqual(['hostKey', '80x24', 'shell', 'exit']);
});

test('what the device refuses is none', async () => {
  const refused = await told(async () => {
    throw new SshFailure('ssh.noShell');
  });
  expect(refused).toEqual(['hostKey', 'failed']);
});

test('it has begun before anything is shown', async () => {
  const early = await told(async (_size, take) => {
    take(Buffer.from('motd')).catch(() => {});
    return shell;
  });
  expect(early).toEqual(['hostKey', '80x24', 'motd', 'shell', 'exit']);
});
