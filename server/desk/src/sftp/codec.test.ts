import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { SftpFailure } from './failure.ts';
import { decodeName, encodeName, isFileName, join, localName, parentOf, shown } from './names.ts';
import { PacketReader } from './packets.ts';
import { readReply } from './replies.ts';
import { openFor, type Request, writeInit, writeRequest } from './requests.ts';

const bytes = (hex: string) =>
  Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (two) => Number.parseInt(two, 16));
const hexOf = (all: Uint8Array) => Buffer.from(all).toString('hex');
const handle = bytes('00000007');

describe('requests, as OpenSSH sends them', () => {
  test.each<[string, Request]>([
    [
      '00000016 03 00000001 00000005 2f746d702f 00000001 00000000',
      { ask: 'open', path: '/tmp/', flags: openFor.read, attributes: {} },
    ],
    [
      '00000016 03 00000001 00000001 61 0000002a 00000004 00000180',
      {
        ask: 'open',
        path: 'a',
        flags: openFor.write | openFor.create | openFor.exclusive,
        attributes: { mode: 0o600 },
      },
    ],
    ['0000000d 04 00000001 00000004 00000007', { ask: 'close', handle }],
    [
      '00000019 05 00000001 00000004 00000007 0000000100000000 00008000',
      { ask: 'read', handle, offset: 2 ** 32, length: 32_768 },
    ],
    [
      '0000001b 06 00000001 00000004 00000007 0000000000000010 00000002 6869',
      { ask: 'write', handle, offset: 16, data: bytes('6869') },
    ],
    ['0000000b 07 00000001 00000002 2f61', { ask: 'lstat', path: '/a' }],
    ['0000000d 08 00000001 00000004 00000007', { ask: 'fstat', handle }],
    [
      '00000015 0a 00000001 00000004 00000007 00000004 000001ed',
      { ask: 'fsetstat', handle, attributes: { mode: 0o755 } },
    ],
    [
      '00000019 0a 00000001 00000004 00000007 00000002 00000007 00000009',
      { ask: 'fsetstat', handle, attributes: { owner: { user: 7, group: 9 } } },
    ],
    ['0000000b 0b 00000001 00000002 2f61', { ask: 'opendir', path: '/a' }],
    ['0000000d 0c 00000001 00000004 00000007', { ask: 'readdir', handle }],
    ['0000000b 0d 00000001 00000002 2f61', { ask: 'remove', path: '/a' }],
    ['0000000a 10 00000001 00000001 2e', { ask: 'realpath', path: '.' }],
    ['0000000b 11 00000001 00000002 2f61', { ask: 'stat', path: '/a' }],
    ['0000000f 12 00000001 00000001 61 00000001 62', { ask: 'rename', from: 'a', to: 'b' }],
    [
      `0000002b c8 00000001 00000018 ${hexOf(encodeName('posix-rename@openssh.com'))} 00000001 61 00000001 62`,
      { ask: 'posixRename', from: 'a', to: 'b' },
    ],
    [
      `00000022 c8 00000001 00000011 ${hexOf(encodeName('fsync@openssh.com'))} 00000004 00000007`,
      { ask: 'fsync', handle },
    ],
  ])('%s', (hex, request) => {
    expect(hexOf(writeRequest(1, request))).toBe(hexOf(bytes(hex)));
  });

  test('the first one says the version', () => {
    expect(hexOf(writeInit())).toBe('000000050100000003');
  });
});

describe('replies, as OpenSSH sends them', () => {
  test.each([
    ['02 00000003', { is: 'version', version: 3, extensions: new Map() }],
    ['02 00000003 00000001 61 00000001 31', { is: 'version', version: 3, extensions: new Map([['a', '1']]) }],
    ['65 00000009 00000002', { is: 'status', id: 9, code: 2, reason: '' }],
    ['65 00000009 00000002 00000002 4e6f 00000000', { is: 'status', id: 9, code: 2, reason: 'No' }],
    ['66 00000009 00000004 00000007', { is: 'handle', id: 9, handle }],
    ['67 00000009 00000002 6869', { is: 'data', id: 9, data: bytes('6869') }],
    [
      '68 00000009 00000001 00000001 61 00000002 6c73 0000000d 0000000000000005 000081a4 00000001 00000002',
      { is: 'names', id: 9, names: [{ name: 'a', attributes: { size: 5, mode: 0o100_644, modified: 2 } }] },
    ],
    [
      '69 00000009 80000003 0000000000000005 00000007 00000009 00000001 00000001 61 00000001 62',
      { is: 'attributes', id: 9, attributes: { size: 5, owner: { user: 7, group: 9 } } },
    ],
  ])('%s', (hex, reply) => {
    expect(readReply(bytes(hex))).toEqual(reply);
  });

  test.each([
    ['an unknown type', 'c9 00000009'],
    ['no ID', '65 0000'],
    ['a string that is longer than its packet', '67 00000009 ffffffff 00'],
    ['more names than there are', '68 00000009 ffffffff'],
    ['more attributes than there are', '69 00000009 80000000 ffffffff'],
    ['sftpHandleBytes', `66 00000009 00000101 ${'00'.repeat(limits.sftpHandleBytes + 1)}`],
  ])('%s: no SFTP', (_, hex) => {
    expect(() => readReply(bytes(hex))).toThrow(SftpFailure);
  });

  test('any bytes are a reply or a failure', () => {
    const type = fc.constantFrom(2, 101, 102, 103, 104, 105, 0, 255);
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 200 }), (first, rest) => {
        try {
          readReply(Uint8Array.of(first, ...rest));
        } catch (error) {
          expect(error).toBeInstanceOf(SftpFailure);
        }
      }),
    );
  });
});

describe('packets', () => {
  test('come out whole, however the stream is cut', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(packets, fc.array(fc.nat(50)), (all, cuts) => {
        const stream = Uint8Array.from(all.flatMap((one) => [0, 0, 0, one.length, ...one]));
        const reader = new PacketReader();
        const got: string[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          for (const packet of reader.receive(stream.subarray(at, at + cut))) got.push(hexOf(packet));
          at += cut;
        }
        expect(got).toEqual(all.map(hexOf));
      }),
    );
  });

  test('sftpPacketBytes: a longer one, and one of nothing, are no SFTP', () => {
    const begin = (length: number) => {
      const four = new Uint8Array(4);
      new DataView(four.buffer).setUint32(0, length);
      return [...new PacketReader().receive(four)];
    };
    expect(begin(limits.sftpPacketBytes)).toEqual([]);
    expect(() => begin(limits.sftpPacketBytes + 1)).toThrow(SftpFailure);
    expect(() => begin(0)).toThrow(SftpFailure);
  });
});

describe('names', () => {
  test('any bytes are a name, and the same bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (name) => {
        expect(hexOf(encodeName(decodeName(name)))).toBe(hexOf(name));
      }),
    );
  });

  test.each([
    ['a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
    ['a\x1b[31m\n', 'a\\u{1b}[31m\\u{a}'],
    ['latin-\udce4', 'latin-\\xe4'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['käse 漢字 😀', 'käse 漢字 😀'],
  ])('%j is shown as %s', (name, text) => {
    expect(shown(name)).toBe(text);
  });

  test('what is shown has nothing that is not seen', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (name) => {
        expect(shown(decodeName(name))).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  test('no paths are names of files', () => {
    expect(['a', '...', ' ', 'a\\b'].every(isFileName)).toBe(true);
    expect(['', '.', '..', 'a/b', '/', '../a', 'a\0'].some(isFileName)).toBe(false);
  });

  test.each([
    ['log: 12/24?.txt', 'log_ 12_24_.txt'],
    ['.profile', '_profile'],
    ['nul.txt', '_nul.txt'],
    ['\u202e', '_u{202e}'],
  ])('%s goes to a disk as %s', (name, local) => {
    expect(localName(name)).toBe(local);
  });

  test('folders and names in them', () => {
    expect([join('/', 'a'), join('/a', 'b')]).toEqual(['/a', '/a/b']);
    expect(['/', '/a', '/a/b'].map(parentOf)).toEqual(['/', '/', '/a']);
  });
});
