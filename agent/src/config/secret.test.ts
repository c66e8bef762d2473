import { latin1Encode, utf8Encode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import type { Host } from '../host.ts';
import type { Secret } from './configuration.ts';
import { readSecret } from './secret.ts';

function read(
  secret: Secret,
  file: Uint8Array = new Uint8Array(),
  credentials?: Readonly<Record<string, string>>,
): unknown {
  const bounds: number[] = [];
  const host = {
    files: {
      read: (path: string, maxBytes: number): Uint8Array => {
        bounds.push(maxBytes);
        const credential = path.startsWith('/credentials/') && credentials?.[path.slice(13)];
        if (typeof credential === 'string') return utf8Encode(credential);
        if (path !== '/secret') throw Object.assign(new Error('no such file'), { code: 'not-found' });
        return file;
      },
    },
    system: {
      environment: (name: string) =>
        ({ SECRET: 'from env', BAD: 'a\nb', CREDENTIALS_DIRECTORY: credentials && '/credentials' })[name],
    },
  } as unknown as Host;
  const result = readSecret(secret, host);
  expect(bounds.every((bound) => bound === 4096)).toBe(true);
  return 'text' in result ? result.text : result;
}

describe('readSecret', () => {
  it.each([
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    [' hunter2 \n', ' hunter2 '],
    ['schlüssel\n', 'schlüssel'],
  ])('reads the file %j', (content, secret) => {
    expect(read({ file: '/secret' }, utf8Encode(content))).toBe(secret);
  });

  it('takes text as it is', () => {
    expect(read('hunter2')).toBe('hunter2');
  });

  it('reads the environment', () => {
    expect(read({ env: 'SECRET' })).toBe('from env');
  });

  it('takes a credential of the service with the name of a file that it cannot read', () => {
    const missing = { file: '/etc/rm-agent.secret' };
    const error = 'the secret file /etc/rm-agent.secret cannot be read: no such file';
    expect(read(missing, undefined, { 'rm-agent.secret': 'hunter2\n' })).toBe('hunter2');
    expect(read({ file: '/secret' }, utf8Encode('mine'), { secret: 'hunter2' })).toBe('mine');
    expect(read({ file: '/secret' }, utf8Encode(''), { secret: 'hunter2' })).toBe('hunter2');
    expect(read(missing, undefined, { 'rm-agent.secret': '\n' })).toEqual({ error });
    expect(read(missing, undefined, { other: 'hunter2' })).toEqual({ error });
  });

  it('reports why there is none, without the secret', () => {
    expect(read({ env: 'MISSING' })).toEqual({ error: 'the environment variable MISSING is not set' });
    expect(read({ file: '/missing' })).toEqual({
      error: 'the secret file /missing cannot be read: no such file',
    });
    for (const empty of ['', '\n', '\r\n'])
      expect(read({ file: '/secret' }, utf8Encode(empty))).toEqual({
        error: 'the secret file /secret is empty',
      });
    expect(read({ file: '/secret' }, latin1Encode('\xff'))).toEqual({
      error: 'the secret file /secret is not UTF-8 text',
    });
    expect(read({ file: '/secret' }, utf8Encode('one\ntwo'))).toEqual({
      error: 'the secret file /secret holds a control character',
    });
    expect(read({ env: 'BAD' })).toEqual({ error: 'the environment variable BAD holds a control character' });
  });
});
