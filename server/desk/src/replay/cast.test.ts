import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { readCast } from './cast.ts';

const header = '{"version":2,"width":80,"height":24,"timestamp":1700000000}';

test('reads output and sizes; the last line may be cut', () => {
  expect(readCast(`${header}\n[0.5,"o","ls\\r\\n"]\n[1.25,"r","100x30"]\n[2,"o","a`)).toEqual({
    columns: 80,
    rows: 24,
    started: 1_700_000_000_000,
    events: [
      { at: 500, kind: 'output', text: 'ls\r\n' },
      { at: 1_250, kind: 'size', columns: 100, rows: 30 },
    ],
    ms: 1_250,
    isWhole: false,
  });
});

test('one that lacks nothing has a marker as its last line, which no output makes', () => {
  const whole = (...lines: string[]) => readCast([header, ...lines, ''].join('\n'))?.isWhole;
  expect(whole('[1,"o","a"]', '[2,"m","end"]')).toBe(true);
  expect(whole('[1,"o","a"]')).toBe(false);
  expect(whole('[1,"m","end"]', '[2,"o","a"]')).toBe(false);
  expect(whole('[1,"o","\\n[2,\\"m\\",\\"end\\"]\\n"]')).toBe(false);
  expect(readCast(`${header}\n[2,"m","end"]`)?.isWhole).toBe(false);
});

test('time does not go back, and what is unknown is left out', () => {
  const lines = [
    '[2,"o","a"]',
    '[1,"o","b"]',
    '[3,"i","typed"]',
    '["x","o","c"]',
    '[4,"r","0x0"]',
    '{}',
    'x',
  ];
  expect(readCast([header, ...lines].join('\n'))?.events).toEqual([
    { at: 2_000, kind: 'output', text: 'a' },
    { at: 2_000, kind: 'output', text: 'b' },
  ]);
});

test('replayColumns, replayRows: a terminal is no greater', () => {
  const cast = readCast(`${header.replace('80', '99999')}\n[0,"r","99999x99999"]\n`);
  const { replayColumns: columns, replayRows: rows } = limits;
  expect([cast?.columns, cast?.events[0]]).toEqual([columns, { at: 0, kind: 'size', columns, rows }]);
});

test.each([
  '',
  '{}',
  'null',
  '{"version":1,"width":80,"height":24,"timestamp":1}',
  header.replace('80', '0'),
])('no recording: %s', (text) => expect(readCast(text)).toBeNull());
