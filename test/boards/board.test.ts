import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { RmClient } from '../system/rm-client.ts';
import { data, EmulatedBoard, sha256 } from './emulated-board.ts';

/** One boot of the board that `RM_BOARD` names; the tests build on one another, the last one switches it off. */

const name = process.env.RM_BOARD ?? 'qemu-malta-mipsel';
/** How often the tunnel is lost in the test of memory. */
const reconnects = Number(process.env.RM_RECONNECTS ?? '10');
/** KiB that the heap moves by between two collections, whatever the number of reconnects: as in the scenarios. */
const heapNoise = 256;

let board: EmulatedBoard;
let image: string;
const figures: string[] = [];

beforeAll(async () => {
  board = await EmulatedBoard.start(name);
  figures.push(`on line ${(board.bootMs / 1000).toFixed(1)} s after power-on`);
  image = sha256(readFileSync(board.image));
});

afterAll(async () => {
  console.log(`${name}: ${figures.join('; ')}`);
  await board?.stop();
});

/** KiB. */
interface Memory {
  readonly resident: number;
  readonly anonymous: number;
  readonly peak: number;
}

async function agentMemory(): Promise<Memory> {
  const status = await board.run('cat /proc/$(pidof rm-agent)/status');
  const value = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]);
  return { resident: value('VmRSS'), anonymous: value('RssAnon'), peak: value('VmHWM') };
}

const told = (what: string, { resident, anonymous, peak }: Memory) =>
  figures.push(`agent ${what}: ${resident} KiB resident, ${anonymous} anonymous, ${peak} at most`);

describe('in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser?.close();
  });

  test("shows the page of BusyBox's httpd and speaks with a WebSocket service", async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(240_000);
    await openLoggedIn(page, `${board.url}/`, board);
    expect(await page.getByRole('heading').textContent()).toBe('Emulated device');
    const services = await browser.newPage();
    services.setDefaultTimeout(240_000);
    await openLoggedIn(services, `${board.urlOf(8080)}/`, board);
    const answer = await services.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`ws://${location.host}/echo`);
          socket.onopen = () => socket.send('from Chromium');
          socket.onmessage = ({ data: text }) => resolve(String(text));
          socket.onerror = () => reject(new Error('the WebSocket failed'));
        }),
    );
    expect(answer).toBe('from Chromium');
  });
});

test('16 MiB arrive unchanged, each way', async () => {
  expect(sha256(await board.fetch('/data'))).toBe(sha256(data));
  const answer = await board.fetch('/cgi-bin/sha256', { body: data });
  expect(answer.toString()).toContain(sha256(data));
});

describe('rm-client to Dropbear', () => {
  let client: RmClient;
  const options = () => ['-F', board.guest.sshConfig];

  beforeAll(async () => {
    client = await RmClient.logIn(board);
  });

  afterAll(() => {
    client?.remove();
  });

  test('ssh runs a command, with its output and its status', async () => {
    const words = ['ssh', '-R', '22', `root@${board.id}`, ...options(), 'uname -n; echo wrong >&2; exit 7'];
    expect(await client.run(words)).toEqual({ status: 7, output: 'device\n', errors: 'wrong\n' });
  });

  test('scp copies a file there and back, unchanged', async () => {
    const [here, back] = ['scp-here', 'scp-back'].map((file) => join(board.folder, file));
    writeFileSync(here ?? '', data.subarray(0, 1 << 20));
    const scp = ['scp', '-R', '22', `root@${board.id}`, ...options(), '-q'];
    expect(await client.run([...scp, here ?? '', ':/var/tmp/copy'])).toMatchObject({ status: 0, errors: '' });
    expect(await client.run([...scp, ':/var/tmp/copy', back ?? ''])).toMatchObject({ status: 0, errors: '' });
    expect(sha256(readFileSync(back ?? ''))).toBe(sha256(data.subarray(0, 1 << 20)));
    await board.run('rm /var/tmp/copy');
  });
});

test('memory stays bounded: idle, with 16 downloads at full speed, after reconnects', async () => {
  told('idle', await agentMemory());
  await Promise.all(Array.from({ length: 16 }, () => board.fetch('/data', { enough: 1 << 20 })));
  told('after 16 downloads at once', await agentMemory());
  await board.comesBackAfter(() => board.cut());
  const early = await agentMemory();
  for (let round = 0; round < reconnects; round++) await board.comesBackAfter(() => board.cut());
  const late = await agentMemory();
  told(`after ${reconnects + 1} reconnects`, late);
  expect(late.anonymous - early.anonymous).toBeLessThan(heapNoise);
});

describe('comes back', () => {
  test('with the clock at 1970, over TLS', async () => {
    const now = await board.run('date +%s');
    // Not the first of January: Linux refuses a time that would put the boot before 1970.
    await board.comesBackAfter(() => board.run('date -s @86400 && kill -9 $(pidof rm-agent)'));
    expect(Number(await board.run('date +%Y'))).toBe(1970);
    await board.run(`date -s @${now}`);
  });

  test('when the agent was killed', async () => {
    const killed = await board.run('pidof rm-agent');
    await board.comesBackAfter(() => board.run('kill -9 $(pidof rm-agent)'));
    expect(await board.run('pidof rm-agent')).not.toBe(killed);
  });

  test('when the interface was down and has another address', async () => {
    await board.comesBackAfter(() =>
      board.run(
        'ifconfig eth0 down; sleep 1; ifconfig eth0 10.0.2.16 netmask 255.255.255.0 up; route add default gw 10.0.2.2',
      ),
    );
    expect((await board.fetch('/')).toString()).toContain('Emulated device');
  });

  test('when the reflector was restarted', async () => {
    await board.comesBackAfter(() => board.restartReflector());
    expect((await board.fetch('/')).toString()).toContain('Emulated device');
  });
});

test('nothing was written to the root file system, and the kernel killed nobody', async () => {
  expect(await board.run('grep " / " /proc/mounts')).toMatch(/ squashfs ro,/);
  const [disk] = (await board.run('cat /proc/diskstats')).split('\n').filter((line) => / [sv]da /.test(line));
  expect(disk?.trim().split(/\s+/)[7]).toBe('0');
  expect(sha256(readFileSync(board.image))).toBe(image);
  expect(board.guest.log).not.toMatch(/out of memory|oom-kill|invoked oom/i);
  expect(await board.outOfMemory()).toBe('');
});

test('switched off while data flows, it goes off line and holds nothing', async () => {
  const flowing = board.fetch('/data');
  const failed = flowing.then(
    () => 'whole',
    () => 'failed',
  );
  await board.fetch('/data', { enough: 1 << 16 });
  await board.goesAfter(() => board.guest.freeze());
  expect(await failed).toBe('failed');
  expect(board.isOnline).toBe(false);
  await board.nothingOpen();
});
