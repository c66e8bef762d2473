import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { data, EmulatedBoard, sha256 } from './emulated-board.ts';

/** The smallest board under more slow downloads than it has memory for: docs/image/sizing.md says why it bears them. */

/** Of each user, as many as the reflector lets open connections. */
const downloads = 6;
const users = ['operator', ...Array.from({ length: 9 }, (_, index) => `user-${index}`)];
/** Of the file `/data`, for each: more than the sockets between device and user take. */
const bytes = 2 << 20;
/** While nobody reads, everything fills up that may. */
const holdMs = 30_000;
/** Between two reads. */
const pauseMs = 20;

/** By default, those of a machine with 1 GiB. */
const large = {
  channels: 1024,
  windowBytes: 1 << 18,
  frameBytes: 1 << 16,
  totalBytes: 16 << 20,
  memoryBytes: 32 << 20,
};

type Outcome = 'whole' | 'refused' | 'broken' | 'wrong';

/** Reads nothing until `reading`, and slowly then. */
async function download(board: EmulatedBoard, user: string, reading: Promise<unknown>): Promise<Outcome> {
  const asked = request({
    host: '127.0.0.1',
    port: board.port,
    path: '/data',
    agent: false,
    headers: { ...board.headers(user), range: `bytes=0-${bytes - 1}` },
  });
  asked.end();
  try {
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    if (response.statusCode !== 206) {
      response.resume();
      return 'refused';
    }
    await reading;
    const parts: Buffer[] = [];
    for await (const part of response) {
      parts.push(part);
      await delay(pauseMs);
    }
    return sha256(Buffer.concat(parts)) === sha256(data.subarray(0, bytes)) ? 'whole' : 'wrong';
  } catch {
    return 'broken';
  }
}

const killed = /out of memory: killed process \d+ \((\S+)\)/gi;

/** Names of those whom the kernel kills while all users download at once; the agent is the one of before. */
async function killedBy(board: EmulatedBoard): Promise<(string | undefined)[]> {
  for (const user of users.slice(1)) await board.addUser(user);
  const first = await board.run('pidof rm-agent');
  const reading = delay(holdMs);
  const outcomes = await Promise.all(
    users.flatMap((user) => Array.from({ length: downloads }, () => download(board, user, reading))),
  );
  const victims = [...(await board.outOfMemory()).matchAll(killed)].map(([, name]) => name);
  const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length;
  console.log(
    `${count('whole')} whole, ${count('refused')} refused, ${count('broken')} broken; killed: ${victims.join(' ')}`,
  );
  expect(count('wrong')).toBe(0);
  expect(victims).not.toContain('rm-agent');
  expect(await board.run('pidof rm-agent')).toBe(first);
  return victims;
}

test.each([
  ['that follow its memory', 'nobody', {}],
  ['of a machine with more memory', 'at most services, and never the agent', { limits: large }],
])(
  'with limits %s, the kernel of a board with 17 MiB kills %s',
  async (_, _victims, agent) => {
    const board = await EmulatedBoard.start('qemu-malta-mipsel', {}, agent);
    try {
      const victims = await killedBy(board);
      if (!('limits' in agent)) expect(victims).toEqual([]);
      // A machine that is busy with much else may have to dial again first.
      let whole: Buffer | null = null;
      while (whole === null) whole = await board.fetch('/data').catch(() => null);
      expect(sha256(whole)).toBe(sha256(data));
    } finally {
      await board.stop();
    }
    // Under an emulator a machine without free memory is slow, and on a busy machine several times slower.
  },
  1_800_000,
);
