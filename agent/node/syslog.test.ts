import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../simulation/recorder.ts';
import { Syslog } from './syslog.ts';

let directory: string;
const path = process.env.PATH;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rm-syslog-'));
  process.env.PATH = `${directory}:${path}`;
});

afterEach(() => {
  process.env.PATH = path;
  rmSync(directory, { recursive: true });
});

/** A `logger` that notes its arguments, and when it ran beside another. */
function fakeLogger(): () => string[] {
  const file = join(directory, 'lines');
  writeFileSync(file, '');
  const script = `#!/bin/sh\nmkdir ${directory}/busy || echo twice >> ${file}\necho "$*" >> ${file}\nrmdir ${directory}/busy\n`;
  writeFileSync(join(directory, 'logger'), script, { mode: 0o755 });
  return () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

it('hands lines to logger in their order, one at a time', async () => {
  const lines = fakeLogger();
  const syslog = new Syslog(() => undefined);
  syslog.write(3, '-x; $(y) "z"');
  for (let i = 0; i < 10; i++) syslog.write(6, `line ${i}`);
  await eventually(() => expect(lines()).toHaveLength(11));
  expect(lines()[0]).toBe('-t rm-agent -p daemon.err -- -x; $(y) "z"');
  expect(lines().slice(1)).toEqual(
    Array.from({ length: 10 }, (_, i) => `-t rm-agent -p daemon.info -- line ${i}`),
  );
});

it('holds so many lines, and reports how many it dropped', async () => {
  const lines = fakeLogger();
  const syslog = new Syslog(() => undefined, 120_000, 120_000);
  for (let i = 0; i < 1000; i++) syslog.write(7, `line ${i}`);
  syslog.flush();
  const text = lines().join('\n');
  expect(text).toContain('daemon.debug -- line 64');
  expect(text).not.toContain('line 65');
  expect(text).toContain('daemon.warning -- 935 lines were left out');
  // The one that was running.
  await eventually(() => expect(lines().join('\n')).toMatch(/-- line 0$/m));
});

it('falls back where there is no logger', async () => {
  process.env.PATH = directory;
  const fallen: string[] = [];
  const syslog = new Syslog((line) => fallen.push(line));
  syslog.write(6, 'one');
  syslog.write(6, 'two');
  await eventually(() => expect(fallen).toEqual(['one', 'two']));
  syslog.write(6, 'three');
  syslog.write(6, 'four');
  syslog.flush();
  await eventually(() => expect(fallen.sort()).toEqual(['four', 'one', 'three', 'two']));
});

it('waits only so long for a logger that hangs, and falls back', async () => {
  writeFileSync(join(directory, 'logger'), '#!/bin/sh\nexec sleep 100000\n', { mode: 0o755 });
  const fallen: string[] = [];
  const syslog = new Syslog((line) => fallen.push(line), 1, 1);
  for (const line of ['one', 'two', 'three']) syslog.write(6, line);
  await eventually(() => expect(fallen).toEqual(['one', 'two', 'three']));
  for (const line of ['four', 'five', 'six']) syslog.write(6, line);
  syslog.flush();
  await eventually(() => expect(fallen.sort()).toEqual(['five', 'four', 'one', 'six', 'three', 'two']));
});
