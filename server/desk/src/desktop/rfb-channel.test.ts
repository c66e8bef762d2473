import { beforeEach, expect, test } from 'vitest';
import { RfbChannel } from './rfb-channel.ts';

let sent: string[];
let seen: string[];
let channel: RfbChannel;
beforeEach(() => {
  sent = [];
  seen = [];
  channel = new RfbChannel({
    send: (bytes) => sent.push(String.fromCharCode(...bytes)),
    close: () => sent.push('closed'),
  });
  channel.onopen = () => seen.push('open');
  channel.onmessage = ({ data }) => seen.push(String.fromCharCode(...new Uint8Array(data)));
  channel.onclose = ({ code, reason }) => seen.push(`${code} ${reason}`);
});

const bytes = (text: string) => new TextEncoder().encode(text);

test('has what noVNC looks for before it takes an object as a channel', () => {
  const properties = [...Object.keys(channel), ...Object.getOwnPropertyNames(Object.getPrototypeOf(channel))];
  for (const name of [
    ...['send', 'close', 'binaryType', 'onerror', 'onmessage', 'onopen', 'protocol', 'readyState'],
  ]) {
    expect(properties).toContain(name);
  }
});

test('carries bytes while it is open, and no others', () => {
  channel.send(bytes('early'));
  channel.received(bytes('early').buffer);
  channel.opened();
  channel.opened();
  channel.received(bytes('RFB').buffer);
  channel.received(new ArrayBuffer(0));
  channel.send(bytes('RFB 003.008'));
  expect([sent, seen]).toEqual([['RFB 003.008'], ['open', 'RFB']]);
});

test('ends once, whoever ends it', () => {
  channel.opened();
  channel.close();
  channel.close();
  expect(channel.readyState).toBe('closing');
  channel.send(bytes('late'));
  channel.received(bytes('late').buffer);
  channel.ended({ code: 1000, reason: '' });
  channel.ended({ code: 1006, reason: 'again' });
  channel.close();
  expect([sent, seen, channel.readyState]).toEqual([['closed'], ['open', '1000 '], 'closed']);
});

test('ends before it was open', () => {
  channel.ended({ code: 4503, reason: 'off line' });
  channel.opened();
  expect([seen, channel.readyState]).toEqual([['4503 off line'], 'closed']);
});
