import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { completionScript } from './completion.ts';

const commands = ['login', 'logout', 'forward', 'ssh'];

/** A folder with an `rm-client` that lists these devices. */
function folderWith(devices: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'rm-completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines = ['DEVICE STATE', ...devices.map((device) => `${device} x`)].join('\n');
  writeFileSync(
    join(folder, 'rm-client'),
    `#!/bin/sh\n[ "$1" = devices ] && cat <<'END'\n${lines}\nEND\nexit 0\n`,
  );
  chmodSync(join(folder, 'rm-client'), 0o755);
  return folder;
}

/** What bash offers for the last of these words. */
function offered(folder: string, words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${completionScript('bash', commands)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _rm_client; echo "\${COMPREPLY[*]}"`;
  const env = { PATH: `${folder}:${process.env.PATH}` };
  return execFileSync('bash', ['-c', script], { cwd: folder, env, encoding: 'utf8' }).trim();
}

test.each([
  [['rm-client', 'log'], 'login logout'],
  [['rm-client', 'ssh', '--re'], '--reflector'],
  [['rm-client', 'ssh', 'pu'], 'pump-7 pump-8'],
  [['rm-client', 'ssh', '*'], ''],
  [['rm-client', 'login', 'pu'], ''],
])('in bash, %j becomes %j', (words, expected) => {
  expect(offered(folderWith(['pump-7', 'pump-8', 'valve']), words)).toBe(expected);
});

test.each([
  '$(touch${IFS}ran)',
  '`touch${IFS}ran`',
  '$((a[$(touch${IFS}ran)]))',
  '*',
  '~root',
  '-x',
  'a;touch',
])('nothing of a reflector that names a device %s is run or expanded', (device) => {
  const folder = folderWith([device, 'valve']);
  expect(offered(folder, ['rm-client', 'ssh', ''])).toBe('valve');
  expect(readdirSync(folder)).toEqual(['rm-client']);
});

test('other shells have scripts of their own, and unknown ones none', () => {
  expect(completionScript('zsh', commands)).toContain('compdef _rm_client rm-client');
  expect(completionScript('fish', commands)).toContain("-a 'login logout forward ssh'");
  expect(completionScript('tcsh', commands)).toBeNull();
});
