import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataBytes } from '../../toolchain/qemu/guest.mjs';
import { EmulatedBoard } from './emulated-board.ts';
import { cutPower, numbers, readWriteLog, sectorBytes } from './write-log.ts';

/**
 * Power cuts on a board that keeps what it must remember in ext4: what the agent has reported as saved is there, whole,
 * and the password of the device is as it was. `test/e2e/power-cut.test.ts` has a model of other file systems.
 */

const saves = 40;
const cuts = 1000;
const choices = ['disabled', 'enabled'] as const;
/** A mark before and one after each save: behind the file system on the same disk, each a page of its own. */
const markBytes = 4096;
const state = '/rm-agent/rm-agent.state';
const secretFile = '/rm-agent/secret';
/** Saved by a shell, without the care of the agent. */
const careless = '/rm-agent/careless';

let board: EmulatedBoard;

beforeAll(async () => {
  board = await EmulatedBoard.start('qemu-virt-armv7', { slots: true, writeLog: true });
});

afterAll(async () => {
  await board?.stop();
});

/** Files in the file system of an image, once its journal is dealt with; without those that are not there. */
function readFrom(image: string, names: readonly string[]): Map<string, string> {
  const input = names.map((name) => `cat ${name}\n`).join('');
  const { stdout } = spawnSync('/sbin/debugfs', ['-f', '-', image], { encoding: 'utf8', input });
  const parts = stdout.split(/^debugfs: +cat (.*)\n/m);
  const files = new Map<string, string>();
  for (let index = 1; index < parts.length; index += 2) {
    const [name, content] = [parts[index], parts[index + 1]];
    if (name !== undefined && content) files.set(name, content);
  }
  return files;
}

test('what was saved is there after a power cut at any of 1,000 points, and nothing is half', async () => {
  const mark = `dd if=/etc/version of=$disk bs=${markBytes} seek=$((${dataBytes / markBytes} + n)) conv=notrunc,fsync && n=$((n + 1))`;
  const step = (choice: string) =>
    `${mark} && rm-agent ${choice.slice(0, -1)} --persist && echo $n >/data${careless} && ${mark} || exit`;
  const find = `disk=$(sed -n 's| /data .*||p' /proc/mounts)`;
  const loop = `while [ $n -lt ${2 * saves} ]; do ${choices.map(step).join('; ')}; done`;
  await board.run(`( ${find}; n=0; ${loop} ) >/dev/null 2>&1`);
  await board.run('sync');
  await board.guest.freeze();
  const steps = readWriteLog(join(board.folder, 'data.log'));
  const image = join(board.folder, 'cut.ext4');
  const first = readFileSync(join(board.folder, 'data.ext4.first'));
  const below = numbers(1);
  const wrong: string[] = [];
  let lost = 0;
  for (let round = 0; round < cuts; round++) {
    const cut = below(steps.length + 1);
    const marks = steps
      .slice(0, cut)
      .filter((written) => written.kind === 'write' && written.sector * sectorBytes >= dataBytes).length;
    const disk = Buffer.from(first);
    cutPower(disk, steps, cut, below);
    writeFileSync(image, disk.subarray(0, dataBytes));
    const mended = spawnSync('/sbin/e2fsck', ['-p', image], { encoding: 'utf8' });
    const saved = marks >> 1;
    const saving = marks % 2 === 1;
    const allowed = [
      saved > 0 ? choices[(saved + 1) % 2] : 'missing',
      ...(saving ? [choices[saved % 2]] : []),
    ];
    const where = `${marks} marks and ${cut} of ${steps.length} writes`;
    // 1: corrected, which a journal is for.
    if ((mended.status ?? 4) > 1) wrong.push(`e2fsck after ${where}: ${mended.stdout}`);
    const files = readFrom(image, [state, careless, secretFile]);
    const found = files.get(state) ?? 'missing\n';
    if (!allowed.some((choice) => found === `${choice}\n`)) wrong.push(`${found} after ${where}`);
    // The number of the mark before it.
    if (Number(files.get(careless) ?? 0) < 2 * saved - 1) lost += 1;
    const secret = files.get(secretFile);
    if (secret !== `${board.options.secret}\n`) wrong.push(`password ${secret} after ${where}`);
  }
  expect(wrong).toEqual([]);
  // The cuts find what they are there for.
  console.log(`${steps.length} writes, ${lost} of ${cuts} cuts lost what a shell had saved`);
  expect(lost).toBeGreaterThan(10);
});

test('the board itself comes back after a power cut while it saves, and is the same device', async () => {
  await board.guest.resume();
  const below = numbers(2);
  const loop = `while :; do rm-agent disable --persist; rm-agent enable --persist; done`;
  for (let round = 0; round < 3; round++) {
    await board.run(`( ${loop} ) >/dev/null 2>&1 & true`);
    await delay(1000 + below(3000));
    const shown = board.guest.shown.length;
    await board.guest.reset();
    // What is typed before the console is there would block it.
    await board.guest.shows(/^rm-version/m, shown);
    await delay(5000);
    await board.guest.booted();
    expect(await board.run('cat /var/lib/rm-agent/rm-agent.state')).toMatch(/^(dis|en)abled$/);
    await board.run('while ! rm-agent disable --persist; do sleep 1; done');
    await board.comesBackAfter(() => board.run('rm-agent enable --persist'));
  }
});
