import { StoreError } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { connectionOf, hasPassword, mostHosts } from './connection.ts';

const url = 'postgresql://rm@db.example.com/reflector';

test('TLS proves the server by the name in the URL, unless it is off, which is said', () => {
  const { config, warning } = connectionOf({ url });
  expect(config).toMatchObject({ host: 'db.example.com', port: 5432, user: 'rm', database: 'reflector' });
  expect([config.ssl, warning]).toEqual([
    { servername: 'db.example.com', checkServerIdentity: expect.any(Function) },
    null,
  ]);
  const off = connectionOf({ url, tls: 'off' });
  expect([off.config.ssl, off.warning]).toEqual([
    false,
    'the database at db.example.com: TLS is off; whoever is on the way can read and change everything, also the password',
  ]);
});

test('a Unix socket needs no TLS', () => {
  const { config, warning } = connectionOf({ url: 'postgresql://rm@%2Frun%2Fpostgresql:5433/reflector' });
  expect([config.host, config.port, config.ssl, warning]).toEqual(['/run/postgresql', 5433, false, null]);
});

test('of several hosts each has its port and proves its own name', () => {
  const { config, warning } = connectionOf({
    url: 'postgresql://rm@one.example.com,two.example.com:5433/reflector?target_session_attrs=read-write',
  });
  const { hosts } = config;
  const first = hosts.current;
  hosts.failed(first);
  const second = hosts.current;
  expect([first, second]).toMatchObject([
    { host: 'one.example.com', port: 5432, ssl: { servername: 'one.example.com' } },
    { host: 'two.example.com', port: 5433, ssl: { servername: 'two.example.com' } },
  ]);
  expect([config.user, config.database, warning]).toEqual(['rm', 'reflector', null]);
  // What another connection has learnt of the first one late does not move on from the second one.
  hosts.failed(first);
  expect(hosts.current).toBe(second);
  hosts.failed(second);
  expect(hosts.current).toBe(first);
  const open = connectionOf({ url: 'postgresql://rm@one,two:5433,%2Frun/reflector', tls: 'off' });
  expect(open.warning).toMatch(/^the database at one, two:5433: TLS is off/);
});

test('mostHosts: more hosts are refused', () => {
  const url = (count: number) => `postgresql://rm@${Array(count).fill('db').join(',')}/reflector`;
  expect(connectionOf({ url: url(mostHosts) }).config.hosts.count).toBe(mostHosts);
  expect(() => connectionOf({ url: url(mostHosts + 1) })).toThrow(`has more than ${mostHosts} hosts`);
});

test('a password is noticed beside several hosts', () => {
  expect(hasPassword('postgresql://rm:secret@one:5432,two:5433/reflector')).toBe(true);
  expect(hasPassword('postgresql://rm@one:5432,two:5433/reflector')).toBe(false);
});

test.each([
  ['postgresql://rm:secret@one:5432,two:5433/reflector', 'has a password'],
  ['postgresql://rm@one,/reflector', 'cannot be read'],
  ['postgresql://rm@one,two:port/reflector', 'cannot be read'],
  ['postgresql://rm@one,two/reflector?target_session_attrs=any', 'has ?target_session_attrs=any'],
  ['nonsense', 'cannot be read'],
  ['postgresql://rm:secret@db/reflector', 'has a password'],
  ['postgresql://rm@db/reflector?sslmode=require', 'has ?sslmode=require'],
  ['postgresql://db/reflector', 'is incomplete'],
  ['postgresql://rm@db/', 'is incomplete'],
  ['mysql://rm@db/reflector', 'is incomplete'],
  ['postgresql://rm@db/%zz', 'has a %'],
  ['postgresql://rm@db/%ff', 'has a %'],
])('%s is refused in one line, without a password', (text, reason) => {
  let message = '';
  try {
    connectionOf({ url: text });
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    message = (error as Error).message;
  }
  expect(message).toContain(reason);
  expect(message).not.toContain('secret');
});

test('authorities that cannot be read are named', () => {
  expect(() => connectionOf({ url, ca: '/none' })).toThrow(/its authorities cannot be read: .*\/none/);
});

test('authorities without a certificate do not leave the choice to Node', () => {
  expect(() => connectionOf({ url, ca: '/dev/null' })).toThrow('/dev/null has no certificate in PEM');
});
