import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Credentials, hexEncode, ProtocolError, Socks5Client, type Socks5Step } from './index.ts';
import { hex } from './testing/bytes.ts';

const CREDENTIALS = { user: 'me', password: 'pw' };

function shown(step: Socks5Step | null): unknown {
  return step && 'send' in step ? hexEncode(step.send) : step;
}

/** A client and what it says to each message of the proxy, which comes in one piece. */
function talk(
  messages: readonly string[],
  host = 'r.example',
  port = 443,
  credentials: Credentials | null = CREDENTIALS,
): unknown[] {
  const client = new Socks5Client(host, port, credentials);
  const said: unknown[] = [hexEncode(client.greeting())];
  for (const message of messages) {
    const bytes = hex(message);
    said.push(shown(client.receive(bytes, 0, bytes.length)));
  }
  return said;
}

const CONNECT = '050100030972' + '2e6578616d706c6501bb';

describe('a SOCKS5 client', () => {
  it('asks for a name without authentication', () => {
    expect(talk(['05 00', '05 00 00 01 7f000001 0438'], 'r.example', 443, null)).toEqual([
      '050100',
      CONNECT,
      { connected: true },
    ]);
  });

  it('gives user and password when it is asked for them (RFC 1929)', () => {
    expect(talk(['05 02', '01 00', '05 00 00 01 00000000 0000'])).toEqual([
      '05020002',
      '01026d65027077',
      CONNECT,
      { connected: true },
    ]);
  });

  it('keeps them to itself when it is not', () => {
    expect(talk(['05 00'])).toEqual(['05020002', CONNECT]);
  });

  it.each([
    ['192.0.2.7', '05010001c00002070050'],
    ['2001:db8::7', '0501000420010db80000000000000000000000070050'],
  ])('asks for the address %s in binary', (host, request) => {
    expect(talk(['05 00'], host, 80)[1]).toBe(request);
  });

  it.each([
    ['an IPv6 address', '05 00 00 04 00000000000000000000000000000001 0050'],
    ['a name', '05 00 00 03 04 61626364 0050'],
    ['an empty name', '05 00 00 03 00 0050'],
  ])('takes a reply that is bound to %s', (_name, reply) => {
    expect(talk(['05 00', reply])[2]).toEqual({ connected: true });
  });

  it.each([
    [1, 'general failure', 'destination'],
    [2, 'not allowed by its rules', 'rules'],
    [3, 'network is unreachable', 'destination'],
    [4, 'host is unreachable', 'destination'],
    [5, 'connection refused', 'destination'],
    [6, 'time to live expired', 'destination'],
    [7, 'CONNECT is not supported', 'destination'],
    [8, 'address type is not supported', 'destination'],
    [99, 'reply 99', 'destination'],
  ])('says what reply %i means', (code, failed, blame) => {
    const reply = `05 ${code.toString(16).padStart(2, '0')} 00 01 00000000 0000`;
    expect(talk(['05 00', reply])[2]).toEqual({ failed, blame });
  });

  it.each<[string, string[], Credentials | null, string]>([
    ['is wanted and not given', ['05 ff'], null, 'it wants a user and a password'],
    ['is wanted though never offered', ['05 02'], null, 'it wants a user and a password'],
    ['is of another kind', ['05 ff'], CREDENTIALS, 'it wants neither a user with password nor none'],
    [
      'is of a kind that was not offered',
      ['05 01'],
      CREDENTIALS,
      'it wants neither a user with password nor none',
    ],
    ['is wrong', ['05 02', '01 01'], CREDENTIALS, 'user or password was not accepted'],
    [
      'is too long for SOCKS5',
      ['05 02'],
      { user: 'u', password: 'x'.repeat(256) },
      'SOCKS5 takes no more than 255 bytes of user and of password',
    ],
  ])('is rejected when authentication %s', (_name, messages, credentials, failed) => {
    expect(talk(messages, 'r.example', 443, credentials).at(-1)).toEqual({ failed, blame: 'login' });
  });

  it('does not ask for a name that is too long', () => {
    expect(talk(['05 00'], 'x'.repeat(256))[1]).toMatchObject({ blame: 'destination' });
  });

  it.each([
    ['HTTP', ['48 54 54 50 2f 31 2e 31 20 34 30 30'], 'it does not speak SOCKS5'],
    ['SOCKS4', ['00 5a'], 'it does not speak SOCKS5'],
    ['a verdict of another version', ['05 02', '05 00'], 'it does not speak SOCKS5'],
    ['an unknown type of address', ['05 00', '05 00 00 02 00 00'], 'address type 2 in an answer of SOCKS5'],
    ['bytes behind the method', ['05 00 00'], 'unasked bytes behind an answer of SOCKS5'],
    [
      'bytes behind the reply',
      ['05 00', '05 00 00 01 00000000 0000 16'],
      'unasked bytes behind an answer of SOCKS5',
    ],
  ])('refuses %s', (_name, messages, error) => {
    expect(() => talk(messages)).toThrow(new ProtocolError('RM_SOCKS', error));
  });

  it('understands messages however they are cut', () => {
    const name = fc.uint8Array({ maxLength: 255 });
    fc.assert(
      fc.property(
        name,
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (bound, password, cuts) => {
          const client = new Socks5Client('r.example', 1, CREDENTIALS);
          const reply = Uint8Array.of(5, 0, 0, 3, bound.length, ...bound, 0, 80);
          const script = password ? [hex('05 02'), hex('01 00'), reply] : [hex('05 00'), reply];
          const steps = script.map((message) => {
            for (let at = 0; at < message.length; ) {
              const cut = Math.min(message.length, at + cuts.next().value);
              const step = client.receive(message, at, cut);
              at = cut;
              expect(step !== null).toBe(at === message.length);
              if (step) return step;
            }
            return null;
          });
          expect(steps.at(-1)).toEqual({ connected: true });
        },
      ),
    );
  });

  it('writes any destination and credentials so that they can be read again', () => {
    const text = (most: number) => fc.string({ unit: 'binary', minLength: 1, maxLength: most });
    fc.assert(
      fc.property(
        text(60),
        fc.integer({ min: 1, max: 65_535 }),
        text(60),
        text(60),
        (host, port, user, password) => {
          const client = new Socks5Client(`${host}.`, port, { user, password });
          client.greeting();
          const sent = (message: string) => {
            const bytes = hex(message);
            const step = client.receive(bytes, 0, bytes.length);
            return Buffer.from(step && 'send' in step ? step.send : []);
          };
          const login = sent('05 02');
          const userLength = login[1] ?? 0;
          expect(login.subarray(2, 2 + userLength).toString()).toBe(Buffer.from(user).toString());
          expect(login.subarray(3 + userLength).toString()).toBe(Buffer.from(password).toString());
          expect(login[2 + userLength]).toBe(login.length - 3 - userLength);
          const request = sent('01 00');
          expect([...request.subarray(0, 4)]).toEqual([5, 1, 0, 3]);
          expect(request.subarray(5, -2).toString()).toBe(Buffer.from(`${host}.`).toString());
          expect(request.readUInt16BE(request.length - 2)).toBe(port);
        },
      ),
    );
  });
});
