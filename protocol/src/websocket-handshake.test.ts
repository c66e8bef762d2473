import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base64Decode } from './base64.ts';
import { ProtocolError } from './errors.ts';
import { HeadReader } from './http-head.ts';
import { SERVER_PROTOCOL } from './subprotocol.ts';
import { ascii } from './testing/bytes.ts';
import { latin1Decode } from './text.ts';
import { acceptFor, checkUpgradeResponse, encodeUpgradeRequest } from './websocket-handshake.ts';

const sha1 = (data: Uint8Array) => createHash('sha1').update(data).digest();
/** The key and its answer in RFC 6455 section 1.3. */
const nonce = base64Decode('dGhlIHNhbXBsZSBub25jZQ==') ?? new Uint8Array();
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function check(...lines: string[]): void {
  const bytes = ascii(
    `HTTP/1.1 101 Switching Protocols\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
  );
  const reader = new HeadReader(4096);
  reader.push(bytes, 0, bytes.length);
  checkUpgradeResponse(reader.response(), accept, SERVER_PROTOCOL);
}

const good = {
  upgrade: 'Upgrade: websocket',
  connection: 'Connection: Upgrade',
  accept: `Sec-WebSocket-Accept: ${accept}`,
  protocol: `Sec-WebSocket-Protocol: ${SERVER_PROTOCOL}`,
};

describe('the opening handshake', () => {
  it('proves the key as in RFC 6455 section 1.3', () => {
    expect(acceptFor(nonce, sha1)).toBe(accept);
  });

  it('asks in the form of RFC 6455 section 4.1', () => {
    const request = {
      target: '/x',
      host: 'h:1',
      nonce,
      protocol: SERVER_PROTOCOL,
      fields: [['A', 'b']],
    } as const;
    expect(latin1Decode(encodeUpgradeRequest({ ...request, method: 'GET' })).split('\r\n')).toEqual([
      'GET /x HTTP/1.1',
      'Host: h:1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
      'A: b',
      '',
      '',
    ]);
    expect(latin1Decode(encodeUpgradeRequest({ ...request, method: 'POST' }))).toMatch(
      /^POST \/x HTTP\/1\.1\r\n/,
    );
  });

  it('takes an answer that keeps the rules', () => {
    expect(() => check(...Object.values(good))).not.toThrow();
    expect(() =>
      check('Upgrade: WebSocket', 'connection: keep-alive, UPGRADE', good.accept, good.protocol),
    ).not.toThrow();
  });

  it.each([
    ['no Upgrade', { ...good, upgrade: '' }],
    ['another Upgrade', { ...good, upgrade: 'Upgrade: h2c' }],
    ['no Connection', { ...good, connection: '' }],
    ['another Connection', { ...good, connection: 'Connection: close' }],
    ['no Accept', { ...good, accept: '' }],
    ['a wrong Accept', { ...good, accept: 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=' }],
    ['Accept in other case', { ...good, accept: `Sec-WebSocket-Accept: ${accept.toLowerCase()}` }],
    ['Accept twice', { ...good, more: good.accept }],
    ['no subprotocol', { ...good, protocol: '' }],
    ['another subprotocol', { ...good, protocol: 'Sec-WebSocket-Protocol: chat' }],
    [
      'an extension that nobody offered',
      { ...good, extension: 'Sec-WebSocket-Extensions: permessage-deflate' },
    ],
  ])('refuses an answer with %s', (_name, lines) => {
    const answer = Object.values(lines).filter((line) => line !== '');
    let caught: unknown;
    try {
      check(...answer);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ProtocolError);
    expect((caught as ProtocolError).code).toBe('RM_UPGRADE');
  });
});
