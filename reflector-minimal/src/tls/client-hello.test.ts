import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ascii, concat, fuzz, fuzzTimeout, hex } from '../../../protocol/src/testing/bytes.ts';
import { type ClientHello, readClientHello } from './client-hello.ts';

const uint = (value: number, size: number) =>
  Uint8Array.from({ length: size }, (_, at) => (value >> (8 * (size - 1 - at))) & 0xff);
const sized = (size: number, ...parts: readonly Uint8Array[]) => {
  const content = concat(...parts);
  return concat(uint(content.length, size), content);
};
const extension = (type: number, content: Uint8Array) => concat(uint(type, 2), sized(2, content));
const alpn = (...names: readonly string[]) =>
  extension(16, sized(2, ...names.map((name) => sized(1, ascii(name)))));
const beforeExtensions = concat(hex('0303'), new Uint8Array(32), hex('00 0002 1301 01 00'));
const message = (...extensions: readonly Uint8Array[]) =>
  concat(hex('01'), sized(3, beforeExtensions, sized(2, ...extensions)));
const record = (content: Uint8Array) => concat(hex('16 0301'), sized(2, content));

/** What a client of Node sends. */
function helloOf(options: ConnectionOptions): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer) {
        resolve(chunk);
      },
    });
    connect({ ...options, socket }).on('error', () => {});
  });
}

const browser = message(
  extension(0, ascii('name')),
  alpn('h2', 'http/1.1'),
  extension(21, new Uint8Array(300)),
);

describe('what a client offers', () => {
  test.each<[string, Uint8Array, ClientHello]>([
    ['as a browser', record(browser), { protocols: ['h2', 'http/1.1'] }],
    ['with other extensions only', record(message(extension(0, ascii('name')))), { protocols: [] }],
    ['without extensions', record(concat(hex('01'), sized(3, beforeExtensions))), { protocols: [] }],
    ['an empty list', record(message(alpn())), { protocols: [] }],
    ['with more behind it', concat(record(browser), hex('17 0303')), { protocols: ['h2', 'http/1.1'] }],
  ])('%s', (_name, bytes, hello) => {
    expect(readClientHello(bytes)).toEqual(hello);
  });

  test('of a client of Node, with ALPN and without', async () => {
    expect(readClientHello(await helloOf({ ALPNProtocols: ['h2', 'http/1.1'] }))).toEqual({
      protocols: ['h2', 'http/1.1'],
    });
    expect(readClientHello(await helloOf({ maxVersion: 'TLSv1.2' }))).toEqual({ protocols: [] });
  });
});

test('in any number of records, and incomplete before its last byte', () => {
  for (const size of [7, browser.length - 1]) {
    const records: Uint8Array[] = [];
    for (let at = 0; at < browser.length; at += size) records.push(record(browser.subarray(at, at + size)));
    const bytes = concat(...records);
    const early = Array.from(bytes, (_byte, end) => readClientHello(bytes.subarray(0, end)));
    expect(new Set(early)).toEqual(new Set(['incomplete']));
    expect(readClientHello(bytes)).toEqual({ protocols: ['h2', 'http/1.1'] });
  }
});

test('in at most 64 records: they are read again with each piece that comes', () => {
  const inRecords = (count: number) => {
    const single = Array.from({ length: count - 1 }, (_, at) => record(browser.subarray(at, at + 1)));
    return concat(...single, record(browser.subarray(count - 1)));
  };
  expect(readClientHello(inRecords(64))).toEqual({ protocols: ['h2', 'http/1.1'] });
  expect(readClientHello(inRecords(65))).toBe('other');
});

describe('is for OpenSSL to judge', () => {
  test.each<[string, Uint8Array]>([
    ['a request in plain HTTP', ascii('GET / HTTP/1.1\r\n')],
    ['a hello of SSL 2', hex('802e 0103 0100 1500')],
    ['another record', hex('15 0301 0002 0228')],
    ['another record behind the first one', concat(record(browser.subarray(0, 9)), hex('15 0301 0002 0228'))],
    ['another message', record(hex('02 000001 00'))],
    ['an empty record', hex('16 0301 0000')],
    ['an empty message', record(hex('01 000000'))],
    ['a list that is longer than its extension', record(message(extension(16, hex('0009 02 6832'))))],
    ['a name that is longer than its list', record(message(extension(16, hex('0003 09 6832'))))],
    ['an extension that is longer than all', record(message(hex('0010 0009 00')))],
  ])('%s', (_name, bytes) => {
    expect(readClientHello(bytes)).toBe('other');
  });
});

test(
  'any change to a hello has a result, and throws nothing',
  () => {
    const good = record(browser);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
        const bytes = Uint8Array.from(good);
        bytes[at] = byte;
        const hello = readClientHello(bytes.subarray(0, end));
        expect(typeof hello === 'string' ? ['incomplete', 'other'] : [hello]).toContain(hello);
      }),
      fuzz(),
    );
  },
  fuzzTimeout,
);
