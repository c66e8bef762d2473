import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { runs, seed } from '../testing/random.ts';
import { exampleResponses as examples, read } from '../testing/read-response.ts';
import { ResponseReader } from './response-reader.ts';

test('arbitrary cuts of arbitrary answers give the same events', () => {
  const pieces = fc.array(
    fc.constantFrom(...examples.flatMap((text) => text.split(/(?<=\n)/)), '\r', '\n', 'a'),
    {
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.constantFrom(...examples),
        pieces.map((list) => list.join('')),
      ),
      fc.nat(40),
      (bytes, size) => {
        expect(read(bytes, size + 1)).toEqual(read(bytes));
      },
    ),
    { seed, numRuns: runs(2000) },
  );
});

test('chunks that come in one piece are passed on as one, before their response ends', () => {
  const events: string[] = [];
  const reader = new ResponseReader('GET', false, defaultLimits, {
    interim: () => {},
    head: () => {},
    body: (piece) => events.push(piece.toString()),
    end: () => events.push('end'),
    switched: () => {},
  });
  reader.receive(
    Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(50)}`),
  );
  reader.receive(Buffer.from('1\r\nb\r\n2\r\ncd\r\n0\r\n\r\n'));
  expect(events).toEqual(['a'.repeat(50), 'bcd', 'end']);
});

test('an upgrade that was asked for ends the response, and what follows stays', () => {
  let status = 0;
  const nothing = () => {};
  const reader = new ResponseReader('GET', true, defaultLimits, {
    interim: nothing,
    head: nothing,
    body: nothing,
    end: nothing,
    switched: (head) => {
      status = head.status;
    },
  });
  const head = 'HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n';
  expect(reader.receive(Buffer.from(`${head}rest`))).toBe(head.length);
  expect([status, reader.done]).toEqual([101, true]);
});

const limits = {
  ...defaultLimits,
  responseHeadBytes: 100,
  headLines: 3,
  chunkLineBytes: 20,
  interimResponses: 2,
};
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('bounds', () => {
  test.each([
    [
      'responseHeadBytes: an endless head',
      `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100)}`,
      'its head has more than 100 bytes',
    ],
    [
      'responseHeadBytes: endless trailers',
      `${chunked}0\r\nX: ${'a'.repeat(100)}`,
      'the part behind its body has more than 100 bytes',
    ],
    [
      'headLines: too many',
      `HTTP/1.1 200 OK\r\n${'X:\r\n'.repeat(4)}\r\n`,
      'it has more than 3 header lines',
    ],
    [
      'chunkLineBytes: an endless extension',
      `${chunked}5;${'a'.repeat(20)}`,
      'a chunk line has more than 20 bytes',
    ],
    [
      'interimResponses: too many',
      'HTTP/1.1 102 Wait\r\n\r\n'.repeat(3),
      'it has more than 2 interim responses',
    ],
    ['empty lines before the head', '\r\n'.repeat(3), 'it begins with empty lines'],
  ])('%s', (_name, bytes, error) => {
    expect(read(bytes, bytes.length, 'GET', limits)).toBe(error);
    expect(read(bytes, 1, 'GET', limits)).toBe(error);
  });
});
