import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.ts';
import { encodeRequestHead, encodeResponseHead, HeaderFields, HeadReader } from './http-head.ts';
import { ascii, concat, feed, pattern, sizes } from './testing/bytes.ts';
import { latin1Decode } from './text.ts';

const BOUND = 16_384;

function readerOf(text: string, bound = BOUND): HeadReader {
  const reader = new HeadReader(bound);
  const bytes = ascii(text);
  expect(reader.push(bytes, 0, bytes.length)).toBe(bytes.length);
  return reader;
}

const request = (text: string) => readerOf(text).request();
const response = (text: string) => readerOf(text).response();

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}

describe('HeadReader', () => {
  it('reads a request', () => {
    const { method, target, minor, headers } = request(
      'GET /a?b HTTP/1.1\r\nHost: x\r\nA:1\r\na: \t2 \t\r\n\r\n',
    );
    expect({ method, target, minor }).toEqual({ method: 'GET', target: '/a?b', minor: 1 });
    expect(headers.fields).toEqual([
      ['Host', 'x'],
      ['A', '1'],
      ['a', '2'],
    ]);
  });

  it.each([
    ['', ''],
    [' \t ', ''],
    [' b', 'b'],
    ['\tb\t', 'b'],
    ['b c \t', 'b c'],
    ['\u00a0b\u00a0', '\u00a0b\u00a0'],
  ])('reads the value %j as %j', (written, value) => {
    expect(request(`GET / HTTP/1.1\r\nA:${written}\r\nB: c\r\n\r\n`).headers.fields).toEqual([
      ['A', value],
      ['B', 'c'],
    ]);
  });

  it('takes nothing of what stands behind the head', () => {
    const reader = new HeadReader(BOUND);
    const bytes = ascii('GET / HTTP/1.1\r\nA: b\r\n\r\nC: d\r\n\r\n');
    expect(reader.push(bytes, 0, bytes.length)).toBe(bytes.length - 8);
    expect(reader.request().headers.fields).toEqual([['A', 'b']]);
  });

  it.each([
    ['HTTP/1.1 101 Switching Protocols', 101, 'Switching Protocols', 1],
    ['HTTP/1.0 200 OK', 200, 'OK', 0],
    ['HTTP/1.1 404 ', 404, '', 1],
    ['HTTP/1.1 404', 404, '', 1],
    ['HTTP/1.1 599 a\u00e9b', 599, 'a\u00e9b', 1],
  ])('reads the response %j', (line, status, reason, minor) => {
    expect(response(`${line}\r\n\r\n`)).toMatchObject({ status, reason, minor });
  });

  it('takes lines that end in LF alone', () => {
    expect(response('HTTP/1.1 200 OK\nA: 1\n\n').headers.get('a')).toBe('1');
  });

  it.each([
    ['', 'no line at all'],
    ['GET / HTTP/2.0', 'another version'],
    ['GET  / HTTP/1.1', 'two spaces'],
    [' GET / HTTP/1.1', 'something before it'],
    ['(GET / HTTP/1.1', 'a sign before it'],
    ['GET / HTTP/1.10', 'something behind it'],
    ['GET /a b HTTP/1.1', 'a space in the target'],
    ['GET /\u00e9 HTTP/1.1', 'a target that is not ASCII'],
    ['G(T / HTTP/1.1', 'a method that is no token'],
    ['GET / HTTP/1.1\r\nA', 'a line without a colon'],
    ['GET / HTTP/1.1\r\n: x', 'a line without a name'],
    ['GET / HTTP/1.1\r\nA : x', 'a space before the colon'],
    ['GET / HTTP/1.1\r\nA: x\r\n y: z', 'a folded line'],
    ['GET / HTTP/1.1\r\nA: x\ry', 'a lone CR'],
    ['GET / HTTP/1.1\r\nA: x\0y', 'a NUL'],
  ])('refuses the request %j: %s', (head) => {
    expect(failure(() => request(`${head}\r\n\r\n`))).toBe('RM_HTTP_HEAD');
  });

  it.each([
    'HTTP/2 200',
    'HTTP/1.1 099 x',
    'HTTP/1.1 600 x',
    'HTTP/1.1 20 x',
    'HTTP/1.1 2000',
    'ICY 200 OK',
    'xHTTP/1.1 200 OK',
    'ICY HTTP/1.1 200 OK',
    'SSH-2.0-x',
    '<html>',
  ])('refuses the response %j', (line) => {
    expect(failure(() => response(`${line}\r\n\r\n`))).toBe('RM_HTTP_HEAD');
  });

  it.each([
    ['malformed request line', () => request('x\r\n\r\n')],
    ['not an HTTP/1.1 response', () => response('x\r\n\r\n')],
    ['malformed header line', () => response('HTTP/1.1 200 OK\r\nx\r\n\r\n')],
    ['head of more than 4 bytes', () => readerOf('12345\r\n\r\n', 4)],
    ['header A cannot be sent', () => encodeRequestHead('GET', '/', [['A', '\n']])],
    ['request line cannot be sent', () => encodeRequestHead('GET', ' ', [])],
    ['status line cannot be sent', () => encodeResponseHead(99, '', [])],
  ])('says %j', (message, run) => {
    expect(run).toThrow(message);
  });

  it('takes a head of just its bound, and fails beyond it', () => {
    const head = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n';
    expect(readerOf(head, head.length).response().status).toBe(200);
    for (const piece of [1, 7, 1000]) {
      const reader = new HeadReader(head.length - 1);
      const read = () => feed(ascii(head), [piece], (bytes, start, end) => reader.push(bytes, start, end));
      expect(failure(read)).toBe('RM_HTTP_HEAD_SIZE');
    }
  });

  it('reads blanks in time that grows with their number alone', () => {
    // With a regular expression of the obvious kind this line takes longer than a day.
    const blanks = ' '.repeat(BOUND - 40);
    expect(failure(() => response(`HTTP/1.1 200 OK\r\nA:${blanks}\rx\r\n\r\n`))).toBe('RM_HTTP_HEAD');
    expect(response(`HTTP/1.1 200 OK\r\nA: x${blanks}y \r\n\r\n`).headers.get('a')).toBe(`x${blanks}y`);
  });

  it('finds the same head whatever the borders of the pieces, and leaves what is behind it', () => {
    const head = fc.constantFrom(
      'GET / HTTP/1.1\r\nA: b\r\n\r\n',
      'GET / HTTP/1.1\n\n',
      'x\r\n\n',
      '\r\n\r\n',
      'a\n\r\n',
    );
    fc.assert(
      fc.property(head, fc.nat(90), sizes, (text, extra, pieces) => {
        const bytes = concat(ascii(text), pattern(extra));
        const reader = new HeadReader(BOUND);
        let end = -1;
        let seen = 0;
        feed(bytes, pieces, (piece, start, stop) => {
          if (end >= 0) return;
          const found = reader.push(piece, start, stop);
          if (found >= 0) end = seen + found - start;
          seen += stop - start;
        });
        expect(end).toBe(text.length);
      }),
    );
  });
});

describe('HeaderFields', () => {
  const fields = new HeaderFields([
    ['Connection', 'keep-alive, Upgrade'],
    ['X', '1'],
    ['x', '2'],
  ]);

  it('compares names without regard to case and joins values', () => {
    expect(fields.get('CONNECTION')).toBe('keep-alive, Upgrade');
    expect(fields.get('X')).toBe('1, 2');
    expect(fields.all('x')).toEqual(['1', '2']);
    expect(fields.get('y')).toBeUndefined();
  });

  it('finds a token in a list', () => {
    expect(fields.lists('connection', 'upgrade')).toBe(true);
    expect(fields.lists('connection', 'grade')).toBe(false);
    expect(fields.lists('absent', 'upgrade')).toBe(false);
  });
});

describe('heads that are written', () => {
  it('are read as they were meant', () => {
    const bytes = encodeRequestHead('GET', '/x', [
      ['A', 'b: c'],
      ['D', ''],
    ]);
    expect(latin1Decode(bytes)).toBe('GET /x HTTP/1.1\r\nA: b: c\r\nD: \r\n\r\n');
    expect(request(latin1Decode(bytes)).headers.fields).toEqual([
      ['A', 'b: c'],
      ['D', ''],
    ]);
    expect(latin1Decode(encodeResponseHead(302, 'Found', [['Location', '/y']]))).toBe(
      'HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n',
    );
  });

  it.each([
    ['a line break in a value', () => encodeRequestHead('GET', '/', [['A', 'x\r\nB: y']])],
    ['a lone LF in a value', () => encodeRequestHead('GET', '/', [['A', 'x\ny']])],
    ['a NUL in a value', () => encodeRequestHead('GET', '/', [['A', '\0']])],
    ['a line break in a name', () => encodeRequestHead('GET', '/', [['A\r\nB', 'y']])],
    ['an empty name', () => encodeRequestHead('GET', '/', [['', 'y']])],
    ['a space in the target', () => encodeRequestHead('GET', '/a b', [])],
    ['a line break in the target', () => encodeRequestHead('GET', '/\r\nA: b', [])],
    ['a line break in the method', () => encodeRequestHead('GET /\r\n', '/', [])],
    ['a line break in the reason', () => encodeResponseHead(200, 'OK\r\nA: b', [])],
    ['a status that is none', () => encodeResponseHead(99, 'x', [])],
  ])('cannot hold %s', (_name, write) => {
    expect(failure(write)).toBe('RM_HTTP_HEAD');
  });
});
