import { describe, expect, test } from 'vitest';
import { ascii, hex } from '../../../protocol/src/testing/bytes.ts';
import { upgradeHead } from '../testing/scripted-agent.ts';
import { device } from '../testing/stage.ts';
import { newcomerInTheClear, newcomerOverTls } from './first-bytes.ts';

/** A hello of TLS 1.2 that offers these protocols. */
function hello(...protocols: readonly string[]): Uint8Array {
  const sized = (size: number, content: string) =>
    content.length
      .toString(16)
      .padStart(2 * size, '0')
      .replaceAll(/../g, code) + content;
  const names = protocols.map((name) => sized(1, name)).join('');
  const extensions = protocols.length > 0 ? `\0\x10${sized(2, sized(2, names))}` : '';
  const body = `\x03\x03${'\0'.repeat(32)}\0${sized(2, '\xc0\x2f')}${sized(1, '\0')}${sized(2, extensions)}`;
  return ascii(`\x16\x03\x01${sized(2, `\x01${sized(3, body)}`)}`);
}

const code = (digits: string) => String.fromCharCode(Number.parseInt(digits, 16));

describe('over TLS', () => {
  test.each([
    ['a browser', hello('h2', 'http/1.1'), 'other'],
    ['curl without HTTP/2', hello('http/1.1'), 'other'],
    ['HTTP/1.0 only', hello('http/1.0'), 'other'],
    ['an agent', hello(), 'device'],
    ['another protocol', hello('mqtt'), 'device'],
    ['no TLS', ascii('GET / HTTP/1.1'), 'other'],
    ['not all of it', hello('h2').subarray(0, -1), 'incomplete'],
    ['nothing', hex(''), 'incomplete'],
  ])('%s', (_name, bytes, newcomer) => {
    expect(newcomerOverTls(bytes)).toBe(newcomer);
  });
});

describe('in the clear', () => {
  test.each([
    ['an agent', upgradeHead(device), 'device'],
    ['a browser', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'other'],
    ['the beginning of a head', 'GET / HT', 'other'],
  ])('%s', (_name, text, newcomer) => {
    expect(newcomerInTheClear(ascii(text))).toBe(newcomer);
  });
});
