import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { completionScript } from './completion.ts';

const commands = ['login', 'logout', 'forward', 'ssh'];

test.each([
  [['rm-client', 'log'], 'login logout'],
  [['rm-client', 'ssh', '--re'], '--reflector'],
  [['rm-client', 'ssh', 'pu'], 'pump-7 pump-8'],
  [['rm-client', 'login', 'pu'], ''],
])('in bash, %j becomes %j', (words, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const client =
    '#!/bin/sh\n[ "$1" = devices ] && printf "DEVICE STATE\\npump-7 x\\npump-8 x\\nvalve x\\n"\nexit 0\n';
  writeFileSync(join(folder, 'rm-client'), client);
  chmodSync(join(folder, 'rm-client'), 0o755);
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${completionScript('bash', commands)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _rm_client; echo "\${COMPREPLY[*]}"`;
  const env = { PATH: `${folder}:${process.env.PATH}` };
  expect(execFileSync('bash', ['-c', script], { env, encoding: 'utf8' }).trim()).toBe(expected);
});

test('other shells have scripts of their own, and unknown ones none', () => {
  expect(completionScript('zsh', commands)).toContain('compdef _rm_client rm-client');
  expect(completionScript('fish', commands)).toContain("-a 'login logout forward ssh'");
  expect(completionScript('tcsh', commands)).toBeNull();
});
