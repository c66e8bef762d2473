import { expect, test } from 'vitest';
import { CastLines, castEndBytes, hasCastEnd, readCastHeader } from './asciicast.ts';

const about = { user: 'alice', device: 'pump', uid: 'u1', domain: 'acme', port: 22 };

test('a header that players read, and that is read again', () => {
  const line = new CastLines().header(about, { columns: 80, rows: 24 }, 1_700_000_000_900);
  expect(JSON.parse(line)).toEqual({
    version: 2,
    width: 80,
    height: 24,
    timestamp: 1_700_000_000,
    title: 'pump port 22',
    rm: about,
  });
  expect(readCastHeader(line)).toEqual({ about, started: 1_700_000_000_000 });
});

test('output, whose characters may be cut anywhere, and sizes', () => {
  const lines = new CastLines();
  const text = Buffer.from('漢\u001b]52;c;eA==\u0007');
  const written = [...text].map((byte, at) => lines.output(Uint8Array.of(byte), at)).join('');
  const events = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [number, string, string]);
  expect(events.map(([, , shown]) => shown).join('')).toBe(text.toString());
  expect(events[0]).toEqual([0.002, 'o', '漢']);
  expect(lines.size({ columns: 100, rows: 30 }, 1_500)).toBe('[1.5,"r","100x30"]\n');
});

test('what is no character is shown as such, also where it is the last', () => {
  const lines = new CastLines();
  expect(lines.output(Uint8Array.of(0xe6, 0xbc), 0)).toBe('');
  expect(JSON.parse(lines.rest(1_000))).toEqual([1, 'o', '\ufffd']);
  expect(lines.rest(1_000)).toBe('');
});

test('the end has a marker, which nothing that a device sends is taken for', () => {
  const lines = new CastLines();
  const end = lines.end(123_456_789_012.345);
  expect(end.length).toBeLessThan(castEndBytes);
  expect(hasCastEnd(`]\n${end}`)).toBe(true);
  expect(hasCastEnd(`]\n${end.slice(0, -1)}`)).toBe(false);
  expect(hasCastEnd(lines.output(Buffer.from(`x\n${end}`), 0))).toBe(false);
});

test.each(['', '{}', 'null', '[]', '{"version":2,"timestamp":1,"rm":{"user":1}}', '{"version":1}'])(
  'no header of ours: %s',
  (line) => expect(readCastHeader(line)).toBeNull(),
);
