import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('build.mjs', import.meta.url));

/** @param {readonly string[]} args */
const build = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

describe('npm run build', () => {
  it.each([
    [['--target', 'z80'], /^unknown target "z80": there are mipsel-24kc, .*\n$/],
    [['--target', 'armv5', '--without', 'tls,colour'], /^unknown feature "colour": there are tls, .*\n$/],
    [
      ['--target', 'armv5', '--without', 'tls', '--without', 'colour'],
      /^unknown feature "colour": there are tls, .*\n$/,
    ],
    [['--target', 'armv5', '--engine', 'v8'], /^unknown engine "v8": there are quickjs, .*\n$/],
    [['--node', 'linux-s390x'], /^unknown platform "linux-s390x": there are linux-x64, .*\n$/],
    [['--fast'], /^Unknown option '--fast': see npm run build -- --help\n$/],
    [[], /^usage: npm run build/],
  ])('of %j ends with status 64 and says what is allowed', (args, said) => {
    const { status, stderr, stdout } = build(...args);
    expect(stderr).toMatch(said);
    expect(stdout).toBe('');
    expect(status).toBe(64);
  });

  it('that a full disk stops ends with status 1 and one line', () => {
    // What cannot be written to is a file where the folder of the cache should be.
    const { status, stderr } = spawnSync(process.execPath, [program, '--target', 'x86_64'], {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: '/dev/full' },
    });
    expect(stderr).toMatch(/^ENOTDIR: .*\/dev\/full\/rm-agent'\n$/);
    expect(status).toBe(1);
  });

  it('of a library that is up to date touches nothing that others may be using', () => {
    const files = ['api', 'program', 'lib/librm-agent.a', 'include/rm_agent.h'];
    const nodes = () =>
      files.map((name) => statSync(fileURLToPath(new URL(`../dist/library/${name}`, import.meta.url))).ino);
    expect(build('--library').status).toBe(0);
    const before = nodes();
    expect(build('--library').status).toBe(0);
    expect(nodes()).toEqual(before);
  });

  it('--help prints the usage', () => {
    const { status, stdout } = build('--help');
    expect(stdout).toMatch(/^usage: npm run build/);
    expect(status).toBe(0);
  });
});
