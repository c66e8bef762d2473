import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { apk, apkBody } from './apk.mjs';

/** @type {import('./package.mjs').Package} */
const content = {
  name: 'rm-agent',
  version: '0.1.0',
  architecture: 'mipsel_24kc',
  section: 'net',
  summary: 'Remote access',
  details: [],
  licence: 'MIT',
  maintainer: 'A B <a@example.org>',
  homepage: 'https://example.org/',
  depends: ['zlib', 'libc'],
  scripts: {},
  conffiles: ['/etc/x.json'],
  user: 'rm-agent:rm-agent',
  entries: [
    { path: 'usr/bin/x', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
    { path: 'usr/bin/y', mode: 0o777, link: '../lib/y' },
    { path: 'etc/x.json', mode: 0o600, content: Buffer.alloc(0) },
    { path: 'etc/big', mode: 0o600, content: Buffer.alloc(70_000, 'A') },
    { path: 'var/lib/x', mode: 0o700, directory: true },
  ],
};
const time = 1_700_000_000;

describe('a package for apk', () => {
  it('is byte for byte what `apk mkpkg --compression none` of apk-tools 3.0 makes of the same files', () => {
    const scripts = {
      'post-install': `#!/bin/sh\n${'# long\n'.repeat(60)}`,
      'pre-deinstall': '#!/bin/sh\nexit 0\n',
    };
    const hash = createHash('sha256')
      .update(apkBody(content, scripts, time))
      .digest('hex');
    expect(hash).toBe('18040fd6aab1a5620b924c0bc2a52d8605cf8af46814d4d181678c8c43def182');
  });

  it('is compressed, and brings the lists that OpenWrt reads', () => {
    const file = apk(content, { time });
    expect(file.subarray(0, 4).toString()).toBe('ADBd');
    const body = inflateRawSync(file.subarray(4)).toString('latin1');
    expect(body).toContain('/etc/big\n/etc/x.json\n/usr/bin/x\n/usr/bin/y\n');
    expect(body).toContain('rm-agent.conffiles_static');
    expect(body).toContain('rm-agent:rm-agent\n');
    expect(body).toContain('default_postinst\n');
  });

  it('is the same whatever the order of its entries', () => {
    const turned = { ...content, entries: [...content.entries].reverse() };
    expect(apk(turned, { time })).toEqual(apk(content, { time }));
  });
});
