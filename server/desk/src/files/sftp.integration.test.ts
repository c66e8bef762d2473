import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startDropbear } from '../../../../test/ssh/dropbear.ts';
import { startOpenSsh } from '../../../../test/ssh/openssh.ts';
import type { SshServer } from '../../../../test/ssh/ssh-server.ts';
import { SshConnection } from '../../../src/ssh/session.ts';
import { download } from '../sftp/download.ts';
import { SftpSession } from '../sftp/session.ts';
import { type Source, upload } from '../sftp/upload.ts';
import { browserKey, makeBrowserKey } from '../ssh/browser-key.ts';
import { channelTo } from '../testing/tcp-socket.ts';

/** SFTP as the page has it, with the servers of real devices. */

/** 100 MB take half a minute, and minutes where the machine is busy with much else. */
const timeout = 900_000;

let openSsh: SshServer;
let dropbear: SshServer;
/** Of the "device". */
let folder: string;
let programs: string;
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'rm-sftp-'));
  const small = join(programs, 'small');
  // Of the disk there are 512 KiB (dash counts blocks of 512 bytes).
  writeFileSync(small, "#!/bin/sh\ntrap '' XFSZ\nulimit -f 1024\nexec /usr/lib/openssh/sftp-server\n");
  chmodSync(small, 0o755);
  // Keys are exchanged in the midst of a transfer, too.
  openSsh = await startOpenSsh('device', null, [
    'RekeyLimit 16M',
    `Subsystem small-disk ${small}`,
    'Subsystem talks /bin/echo Welcome to the device',
    'Subsystem ends /bin/false',
  ]);
  dropbear = await startDropbear('device');
  await makeBrowserKey('alice');
  const key = await browserKey('alice');
  for (const { authorizedKeys } of [openSsh, dropbear]) appendFileSync(authorizedKeys, `${key?.line}\n`);
});
afterAll(async () => {
  await openSsh?.stop();
  await dropbear?.stop();
  rmSync(programs, { recursive: true, force: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-sftp-'));
  return () => rmSync(folder, { recursive: true, force: true });
});

async function connected({ port, user }: SshServer): Promise<SshConnection> {
  const key = await browserKey('alice');
  if (!key) throw new Error('no key');
  const connection = await SshConnection.open(await channelTo(port), null);
  expect(await connection.logInByKey(user, key.pair)).toBe(true);
  return connection;
}

const sftpOver = (connection: SshConnection, name = 'sftp') =>
  SftpSession.open((take) => connection.subsystem(name, take));

const never = () => new AbortController().signal;
const ignore = () => {};
const refuse = () => Promise.reject(new Error('nothing is there'));

/** `size` bytes that do not repeat where pieces begin. */
function sourceOf(size: number): { source: Source; sha256: string } {
  const block = randomBytes(1_000_003);
  const at = (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = block.subarray(
        (offset + done) % block.length,
        ((offset + done) % block.length) + length - done,
      );
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  };
  const hash = createHash('sha256');
  for (let offset = 0; offset < size; offset += block.length)
    hash.update(block.subarray(0, Math.min(block.length, size - offset)));
  return { source: { size, read: async (offset, length) => at(offset, length) }, sha256: hash.digest('hex') };
}

function sinkOf() {
  const hash = createHash('sha256');
  let bytes = 0;
  const write = async (piece: Uint8Array) => {
    hash.update(piece);
    bytes += piece.length;
  };
  return { write, bytes: () => bytes, sha256: () => hash.digest('hex') };
}

describe.each([
  ['OpenSSH', () => openSsh, 100_000_000],
  ['Dropbear', () => dropbear, 10_000_000],
] as const)('%s', (_, server, fileBytes) => {
  test(
    'much up and down, beside a shell that goes on',
    async () => {
      const connection = await connected(server());
      let hear = ignore;
      const heard = new Promise<void>((resolve) => {
        hear = resolve;
      });
      const shell = await connection.shell({ columns: 80, rows: 24 }, async (said) => {
        if (new TextDecoder().decode(said).includes('shell-42')) hear();
      });
      const sftp = await sftpOver(connection);
      const { source, sha256 } = sourceOf(fileBytes);
      const path = join(folder, 'firmware.img');
      const seen: number[] = [];
      const uploaded = upload(sftp, path, source, refuse, (moved) => seen.push(moved), never());
      expect(await shell.write(new TextEncoder().encode('echo shell-$((6*7))\n'))).toBe(true);
      await heard;
      expect(await uploaded).toBe(true);
      expect(seen.at(-1)).toBe(fileBytes);
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
      expect(readdirSync(folder)).toEqual(['firmware.img']);
      const sink = sinkOf();
      expect(await download(sftp, path, sink, ignore, never())).toBe(fileBytes);
      expect(sink.sha256()).toBe(sha256);
      sftp.close();
      expect(await shell.write(new TextEncoder().encode('exit 5\n'))).toBe(true);
      expect(await shell.ended).toBe(5);
    },
    timeout,
  );

  test('a folder, files without a size, and what is no file', async () => {
    const connection = await connected(server());
    const sftp = await sftpOver(connection);
    writeFileSync(join(folder, 'käse 漢字.log'), 'five!');
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/latin-`), Buffer.of(0xe4)]), 'latin');
    mkdirSync(join(folder, 'sub'));
    symlinkSync('sub', join(folder, 'to-sub'));
    expect(await sftp.realPath(`${folder}/sub/..`)).toBe(folder);
    const { names, isWhole, refused } = await sftp.list(folder, never());
    const found = names.map(({ name, attributes: { size, mode } }) => [
      name,
      (mode ?? 0) >> 12,
      (mode ?? 0) >> 12 === 8 ? size : null,
    ]);
    expect([isWhole, refused]).toEqual([true, 0]);
    expect(found.sort()).toEqual([
      ['käse 漢字.log', 8, 5],
      ['latin-\udce4', 8, 5],
      ['sub', 4, null],
      ['to-sub', 10, null],
    ]);
    expect(await download(sftp, `${folder}/latin-\udce4`, sinkOf(), ignore, never())).toBe(5);
    const sink = sinkOf();
    expect(await download(sftp, '/proc/version', sink, ignore, never())).toBeGreaterThan(10);
    expect(sink.sha256()).toBe(createHash('sha256').update(readFileSync('/proc/version')).digest('hex'));
    // Its size is that of a page of memory.
    const mtu = sinkOf();
    const mtuFile = '/sys/class/net/lo/mtu';
    expect(await download(sftp, mtuFile, mtu, ignore, never())).toBe(readFileSync(mtuFile).length);
    expect(mtu.sha256()).toBe(createHash('sha256').update(readFileSync(mtuFile)).digest('hex'));
    for (const [path, key] of [
      [folder, 'sftp.notFile'],
      ['/dev/zero', 'sftp.notFile'],
      [join(folder, 'missing'), 'sftp.noSuchFile'],
    ] as const)
      await expect(download(sftp, path, sinkOf(), ignore, never())).rejects.toMatchObject({ key });
    connection.close();
  });

  test('a file that is there is replaced after a yes only, keeps its permissions, and stays behind its link', async () => {
    const connection = await connected(server());
    const sftp = await sftpOver(connection);
    const path = join(folder, 'start.sh');
    writeFileSync(path, 'old');
    chmodSync(path, 0o750);
    symlinkSync('start.sh', join(folder, 'link'));
    const { source } = sourceOf(40_000);
    expect(await upload(sftp, path, source, async () => false, ignore, never())).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(await upload(sftp, join(folder, 'link'), source, async () => true, ignore, never())).toBe(true);
    expect(statSync(path).size).toBe(40_000);
    expect(statSync(path).mode & 0o7777).toBe(0o750);
    expect(readdirSync(folder).sort()).toEqual(['link', 'start.sh']);
    // As with a server that cannot replace a name at once.
    Object.defineProperty(sftp, 'canReplace', { value: false });
    expect(await upload(sftp, path, sourceOf(7).source, async () => true, ignore, never())).toBe(true);
    expect(statSync(path).size).toBe(7);
    expect(readdirSync(folder).sort()).toEqual(['link', 'start.sh']);
    mkdirSync(join(folder, 'sub'));
    await expect(
      upload(sftp, join(folder, 'sub'), source, async () => true, ignore, never()),
    ).rejects.toMatchObject({ key: 'sftp.notReplaced' });
    expect(await upload(sftp, join(folder, 'empty'), sourceOf(0).source, refuse, ignore, never())).toBe(true);
    expect(await download(sftp, join(folder, 'empty'), sinkOf(), ignore, never())).toBe(0);
    connection.close();
  });

  test(
    'cancelled in the middle, nothing is left, and the session goes on',
    async () => {
      const connection = await connected(server());
      const sftp = await sftpOver(connection);
      const up = new AbortController();
      const { source } = sourceOf(6_000_000);
      const stopAt = (bytes: number, stop: AbortController) => (moved: number) => {
        if (moved >= bytes) stop.abort();
      };
      const path = join(folder, 'part');
      await expect(
        upload(sftp, path, source, refuse, stopAt(1_500_000, up), up.signal),
      ).rejects.toMatchObject({
        name: 'AbortError',
      });
      expect(readdirSync(folder)).toEqual([]);
      expect(await upload(sftp, path, source, refuse, ignore, never())).toBe(true);
      const down = new AbortController();
      const sink = sinkOf();
      await expect(download(sftp, path, sink, stopAt(1_500_000, down), down.signal)).rejects.toMatchObject({
        name: 'AbortError',
      });
      expect(sink.bytes()).toBeLessThan(source.size);
      expect((await sftp.list(folder, never())).names.map(({ name }) => name)).toEqual(['part']);
      connection.close();
    },
    timeout,
  );
});

test('a full disk, and a file that becomes shorter', async () => {
  const connection = await connected(openSsh);
  const sftp = await sftpOver(connection, 'small-disk');
  const path = join(folder, 'large');
  await expect(upload(sftp, path, sourceOf(3_000_000).source, refuse, ignore, never())).rejects.toMatchObject(
    {
      key: 'sftp.notWritten',
    },
  );
  expect(readdirSync(folder)).toEqual([]);
  expect(await upload(sftp, path, sourceOf(300_000).source, refuse, ignore, never())).toBe(true);
  const log = openSync(join(folder, 'log'), 'w');
  writeSync(log, new Uint8Array(10_000_000));
  const cut = { ...sinkOf(), write: async () => writeFileSync(join(folder, 'log'), 'rotated') };
  await expect(download(sftp, join(folder, 'log'), cut, ignore, never())).rejects.toMatchObject({
    key: 'sftp.shorter',
  });
  closeSync(log);
  connection.close();
});

test.skipIf(process.getuid?.() === 0 && !readdirSync('/sys/kernel').includes('mm'))(
  'a folder in which nobody may write',
  async () => {
    const connection = await connected(openSsh);
    const sftp = await sftpOver(connection);
    // Root may write everywhere but here.
    await expect(
      upload(sftp, '/sys/kernel/mm/file', sourceOf(9).source, refuse, ignore, never()),
    ).rejects.toMatchObject({ key: 'sftp.denied' });
    connection.close();
  },
);

test.each([
  ['nothing', 'ssh.noSubsystem'],
  ['ends', 'sftp.none'],
  ['talks', 'sftp.malformed'],
])('%s: no SFTP, and the connection goes on', async (name, key) => {
  const connection = await connected(openSsh);
  await expect(sftpOver(connection, name)).rejects.toMatchObject({ key });
  const sftp = await sftpOver(connection);
  expect(await sftp.realPath('/')).toBe('/');
  connection.close();
});
