import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type File, writeRoot } from '../../toolchain/qemu/guest.mjs';
import { RmClient } from '../system/rm-client.ts';
import { EmulatedBoard } from './emulated-board.ts';

/**
 * A board with two root file systems and a partition for what outlives an update. A new version comes through the tunnel
 * into the slot that does not run, has one boot to bring the device on line, and otherwise gives way to the old one.
 */

let board: EmulatedBoard;
let client: RmClient;

beforeAll(async () => {
  board = await EmulatedBoard.start('qemu-virt-armv7', { slots: true });
  client = await RmClient.logIn(board);
});

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.log(board.guest.log.slice(-4000));
});

afterAll(async () => {
  client?.remove();
  await board?.stop();
});

/** Writes a version into the slot that does not run, and makes it the one of the next boot. */
async function install(version: string, more: readonly File[] = []): Promise<void> {
  const image = join(board.folder, `version-${version}`);
  const label = { path: 'etc/version', mode: 0o644, content: Buffer.from(`${version}\n`) };
  await writeRoot({ ...board.options, files: [...(board.options.files ?? []), label, ...more] }, image);
  const old = await board.run('cat /data/boot/slot');
  const slot = old === 'a' ? 'b' : 'a';
  const find = `cd /sys/block; for disk in vd*; do grep -q slot-${slot} $disk/serial && echo /dev/$disk; done; cd /`;
  const disk = await board.run(find);
  // What waits for a slow disk takes memory, of which the board has so little that Linux once ended its SSH server.
  const few = 'echo 1048576 >/proc/sys/vm/dirty_bytes';
  const words = [
    'ssh',
    '-R',
    '22',
    `root@${board.id}`,
    '-F',
    board.guest.sshConfig,
    `${few} && cat >${disk} && sync`,
  ];
  const child = client.start(words, { env: client.environment, stdio: ['pipe', 'inherit', 'pipe'] });
  const ended = once(child, 'close');
  const [errors] = await Promise.all([
    child.stderr && text(child.stderr),
    // What ssh did not take is told by its status.
    child.stdin && pipeline(createReadStream(image), child.stdin).catch(() => {}),
  ]);
  const [status] = await ended;
  const history = status === 0 ? '' : await board.history();
  expect({ status, errors, history }).toEqual({ status: 0, errors: '', history: '' });
  await board.run(
    `echo ${slot} >/data/boot/slot && : >/data/boot/trying && chown rm-agent: /data/boot/* && sync`,
  );
}

/** Reboots until the device is on line with this version. */
async function reboot(version: string): Promise<void> {
  const shown = board.guest.shown.length;
  const since = () => board.guest.shown.slice(shown);
  // The old system may lose its tunnel and come back before it ends.
  await board.comesBackAfter(
    () => board.guest.reboot(),
    () => since().includes('rm-version '),
  );
  expect(since()).toContain(`rm-version ${version}`);
  await board.guest.booted();
}

test('a new version runs, is found good once it is on line, and stays', async () => {
  await install('2');
  await reboot('2');
  await board.run('while [ -e /data/boot/trying ]; do usleep 200000; done');
  await reboot('2');
});

test('a version that does not bring the device on line gives way to the one before', async () => {
  const before = await board.run('cat /etc/version');
  const broken = { path: 'usr/bin/rm-agent', mode: 0o755, content: Buffer.from('#!/bin/sh\nexit 1\n') };
  await install('broken', [broken]);
  await board.goesAfter(() => board.guest.reboot());
  await board.guest.shows(/rm-version broken/);
  await board.guest.booted();
  expect(await board.run('cat /etc/version')).toBe('broken');
  // What a watchdog would do.
  await reboot(before);
});
