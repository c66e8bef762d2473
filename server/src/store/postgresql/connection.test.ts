import { StoreError } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { connectionOf } from './connection.ts';

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

test.each([
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
