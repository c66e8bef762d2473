import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditLine } from './record.ts';

const date = Date.UTC(2026, 0, 2, 3, 4, 5);

test('a record is one line of JSON that begins with the time', () => {
  expect(auditLine({ event: 'request', allowed: true, user: 'alice', device: 'dev1', port: 80 }, date)).toBe(
    '{"time":"2026-01-02T03:04:05.000Z","event":"request","allowed":true,"user":"alice","device":"dev1","port":80}\n',
  );
});

test('no text of a stranger makes a second line, drives a terminal, or grows without bound', () => {
  const hostile = 'a\r\n{"event":"log-in","allowed":true}\u001b[2J\u0085\u2028\u202e\u{e0001}';
  const line = auditLine({ event: 'log-in', allowed: false, user: hostile }, date);
  expect(line.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(line).user).toBe(hostile);
  const long = auditLine({ event: 'log-in', allowed: false, user: 'x'.repeat(100_000) }, date);
  expect(long.length).toBeLessThan(500);
});

test('whatever is in it, a line ends once and reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 256 }), (user) => {
      const line = auditLine({ event: 'log-in', allowed: false, user }, date);
      expect(line.match(/[\p{Cc}\u2028\u2029]/gu)).toEqual(['\n']);
      expect(JSON.parse(line).user).toBe(user.length > 256 ? `${user.slice(0, 256)}…` : user);
    }),
  );
});
