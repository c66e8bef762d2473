import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('make-board.mjs', import.meta.url));

/** @param {readonly string[]} args */
const board = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

it.each([
  [['toaster'], /^unknown board "toaster": there are .*beaglebone-black.*\n$/],
  [[], /^usage: npm run board/],
  [['--fast'], /^usage: npm run board/],
])('npm run board of %j ends with status 64 and says what is allowed', (args, said) => {
  const { status, stderr, stdout } = board(...args);
  expect(stderr).toMatch(said);
  expect(stdout).toBe('');
  expect(status).toBe(64);
});

it('npm run board of a file that is wrong ends with status 1 and every fault', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-board-'));
  try {
    const file = join(folder, 'mine.json');
    writeFileSync(file, JSON.stringify({ name: 'Mine', target: 'z80' }));
    const { status, stderr } = board(file);
    expect(stderr).toContain(`${file}: target: found "z80"; allowed is one of mipsel-24kc`);
    expect(stderr).toContain(`${file}: memory: found nothing; allowed is an object`);
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  ['{\n  "name": "Mine",\n  "soc" "x"\n}\n', '3:9: '],
  ['{\n  "name": "Mine"\n', '3:1: '],
])('npm run board of a file that is no JSON says where: %j', (text, place) => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-board-'));
  try {
    const file = join(folder, 'mine.json');
    writeFileSync(file, text);
    const { status, stderr } = board(file);
    expect(stderr).toContain(`${file}:${place}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
