import fc from 'fast-check';
import { ProtocolError } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { concat, feed, fuzz, fuzzTimeout, hex, sizes } from '../../../protocol/src/testing/bytes.ts';
import { decode } from './codec.ts';
import { Session } from './session.ts';

/** A broker accepts the connection: CONNACK of MQTT 3.1.1, and of MQTT 5. */
const accepted = { 4: hex('20020000'), 5: hex('2003000000') } as const;

/** Packets of a broker, which are damaged. */
const samples = [
  '20020000',
  '2003000000',
  '200b00000821000a13001e2500',
  '3208000174000a006869',
  '3a08000174000a006869',
  '3011000174090b2600016100016268690000',
  '4002000a',
  '4004000a8700',
  '900400010001',
  '9003000180',
  'd000',
  'e0028e00',
].map(hex);

/** Such a packet, or anything; some bytes changed, and cut or grown at its end. */
const packet = fc
  .record({
    bytes: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...samples) },
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
    ),
    changes: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 4 }),
    more: fc.uint8Array({ maxLength: 8 }),
    length: fc.nat(),
  })
  .map(({ bytes, changes, more, length }) => {
    const grown = concat(bytes, more);
    for (const { at, byte } of changes) grown[at % grown.length] = byte;
    return grown.subarray(0, 1 + (length % grown.length));
  });

const levels = fc.constantFrom(4 as const, 5 as const);

describe('whatever a broker sends', () => {
  it('nothing but ProtocolError escapes from the parser', { timeout: fuzzTimeout }, () => {
    fc.assert(
      fc.property(levels, packet, (level, bytes) => {
        try {
          decode(level, bytes);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
      fuzz(),
    );
  });

  it('a session neither throws nor answers without end, and takes the next connection', {
    timeout: fuzzTimeout,
  }, () => {
    fc.assert(
      fc.property(
        levels,
        fc.array(packet, { maxLength: 20 }),
        sizes,
        fc.boolean(),
        (level, packets, cuts, early) => {
          let sent = 0;
          let failures = 0;
          const session = new Session(
            { level, clientId: 'a', keepAlive: 60, sessionExpiry: 0, willDelay: 0, maximumPacket: 64 },
            ['t'],
            {
              accepted: () => undefined,
              message: (_topic, _payload, acknowledge) => acknowledge(),
              failed: () => failures++,
              denied: () => undefined,
            },
          );
          const connect = () =>
            session.open((bytes) => (sent += bytes.length), { user: null, password: null, will: null });
          const receive = (bytes: Uint8Array) =>
            feed(bytes, cuts, (all, start, end) => session.receive(all, start, end));
          connect();
          if (!early) receive(accepted[level]);
          const hostile = concat(...packets);
          receive(hostile);
          expect(sent).toBeLessThan(200 + 2 * hostile.length);
          expect(failures).toBeLessThan(2);
          session.closed();
          connect();
          receive(accepted[level]);
          expect(session.accepted).toBe(true);
        },
      ),
      fuzz(500),
    );
  });
});
