import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('build.mjs', import.meta.url));

/** @param {readonly string[]} args */
const build = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

describe('npm run build', () => {
  it.each([
    [['--target', 'z80'], /^unknown target "z80"\n(?:.|\n)*NAME: mipsel-24kc, /],
    [['--target', 'armv5', '--without', 'tls,colour'], /^unknown feature "colour"\n(?:.|\n)*FEATURE: tls, /],
    [['--target', 'armv5', '--engine', 'v8'], /^unknown engine "v8"\n(?:.|\n)*ENGINE: quickjs, /],
    [['--board', 'toaster'], /^unknown board "toaster"\n(?:.|\n)*BOARD: [^\n]*beaglebone-black/],
    [['--node', 'linux-s390x'], /^unknown platform "linux-s390x"\n(?:.|\n)*PLATFORM: linux-x64, /],
    [['--fast'], /^Unknown option '--fast'/],
    [[], /^usage: npm run build/],
  ])('of %j ends with status 64 and says what is allowed', (args, said) => {
    const { status, stderr, stdout } = build(...args);
    expect(stderr).toMatch(said);
    expect(stdout).toBe('');
    expect(status).toBe(64);
  });

  it('--help prints the usage', () => {
    const { status, stdout } = build('--help');
    expect(stdout).toMatch(/^usage: npm run build/);
    expect(status).toBe(0);
  });
});
