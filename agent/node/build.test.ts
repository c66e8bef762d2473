import { describe, expect, it } from 'vitest';
import { build } from './build.ts';

describe('what the agent on Node was built from', () => {
  it('is told in a line for each part', () => {
    const versions = { ...process.versions, node: '24.21.0', openssl: '3.5.2' };
    expect(build({ platform: 'linux', arch: 'arm64', versions })).toBe(
      [
        'target   linux-arm64',
        'engine   Node.js 24.21.0',
        'tls      OpenSSL 3.5.2',
        'features tls, tls13, import, gateway, mqtt',
        'commit   unknown',
      ].join('\n'),
    );
  });
});
