import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { deb } from './deb.mjs';
import { ipk } from './ipk.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rm-packages-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** @type {import('./package.mjs').Package} */
const content = {
  name: 'rm-agent',
  version: '0.1.0',
  architecture: 'amd64',
  section: 'net',
  summary: 'remote access',
  details: [
    'A first paragraph that is so long that it does not fit into one line of the control file.',
    'Second.',
  ],
  licence: 'MIT',
  maintainer: 'A B <a@example.org>',
  homepage: 'https://example.org/',
  depends: ['adduser'],
  scripts: { postinst: 'exit 0\n', postrm: 'exit 0\n' },
  conffiles: ['/etc/x.json'],
  entries: [
    { path: 'usr/bin/x', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
    { path: 'etc/x.json', mode: 0o600, content: Buffer.from('{}\n') },
    { path: 'var/lib/x', mode: 0o700, directory: true },
  ],
};
const options = { time: 1_700_000_000 };

/** @param {string} name @param {Buffer} bytes */
function written(name, bytes) {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

/** @param {string} command @param {string[]} args */
const output = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' });

describe('a Debian package', () => {
  const file = written('x.deb', deb(content, options));

  it('says to dpkg what it is', () => {
    expect(output('dpkg-deb', '--field', file)).toBe(
      [
        'Package: rm-agent',
        'Version: 0.1.0-1',
        'Architecture: amd64',
        'Maintainer: A B <a@example.org>',
        'Installed-Size: 8',
        'Depends: adduser',
        'Section: net',
        'Priority: optional',
        'Homepage: https://example.org/',
        'Description: remote access',
        ' A first paragraph that is so long that it does not fit into one line of the',
        ' control file.',
        ' .',
        ' Second.',
        '',
      ].join('\n'),
    );
  });

  it('is unpacked by dpkg, with its scripts', () => {
    execFileSync('dpkg-deb', ['--raw-extract', file, join(folder, 'deb')]);
    expect(readFileSync(join(folder, 'deb/etc/x.json'), 'utf8')).toBe('{}\n');
    expect(statSync(join(folder, 'deb/etc/x.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'deb/var/lib/x')).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(folder, 'deb/DEBIAN/postinst'), 'utf8')).toBe('#!/bin/sh\nset -e\nexit 0\n');
    expect(readFileSync(join(folder, 'deb/DEBIAN/conffiles'), 'utf8')).toBe('/etc/x.json\n');
    execFileSync('md5sum', ['-c', '--quiet', 'DEBIAN/md5sums'], { cwd: join(folder, 'deb') });
  });

  it('is the same when made again', () => {
    expect(deb(content, options)).toEqual(readFileSync(file));
  });
});

describe('a package for opkg', () => {
  it('is a tar archive of two, with the wrappers that OpenWrt expects', () => {
    const file = written('x.ipk', ipk({ ...content, user: 'rm-agent:rm-agent' }, options));
    expect(output('tar', '-tzf', file).trim().split('\n')).toEqual([
      ...['./', './control.tar.gz', './data.tar.gz', './debian-binary'],
    ]);
    const inner = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
      output('sh', '-c', `tar -xOzf "$0" ./${name}.tar.gz | tar "$@"`, file, ...args);
    expect(inner('data', '-tz')).toContain('./usr/bin/x\n');
    const control = inner('control', '-xOz', './control');
    expect(control).toContain('Version: 0.1.0-r1\n');
    expect(control).toContain('Require-User: rm-agent:rm-agent\n');
    expect(inner('control', '-xOz', './postinst')).toContain('default_postinst "$0" "$@"\n');
    expect(inner('control', '-xOz', './postinst-pkg')).toBe('#!/bin/sh\nexit 0\n');
  });
});
