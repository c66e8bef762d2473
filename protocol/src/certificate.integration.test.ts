import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../../test/certificates/authority.ts';
import { certificateEnds } from './certificate.ts';

let authority: Authority;
let pem: string;

beforeAll(() => {
  authority = new Authority();
  // UTCTime and, from 2050 on, GeneralizedTime.
  pem = [2031, 2049, 2050, 2107]
    .map((year) => authority.issue({ names: 'DNS:a', until: year }).cert)
    .join('');
});
afterAll(() => authority.remove());

describe('certificateEnds', () => {
  it('reads the end of each certificate, among other things', () => {
    const { key, cert } = authority.issue({ names: 'DNS:a', from: 1995, until: 1999 });
    const text = `comment\n${key}${pem}${cert}`;
    const ends = certificateEnds(text).map((end) => new Date(end).toISOString());
    expect(ends).toEqual([2031, 2049, 2050, 2107, 1999].map((year) => `${year}-01-01T00:00:00.000Z`));
  });

  it('takes lines that end as on Windows', () => {
    expect(certificateEnds(pem.replaceAll('\n', '\r\n'))).toHaveLength(4);
  });

  it('gives numbers or nothing, whatever stands there', () => {
    const lines = pem.split('\n');
    const body = Buffer.from(lines.slice(1, lines.indexOf('-----END CERTIFICATE-----')).join(''), 'base64');
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length), (at, value, length) => {
        const changed = Buffer.from(body);
        changed[at] = value;
        const text = changed.subarray(0, length).toString('base64');
        const ends = certificateEnds(`-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`);
        expect(ends.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
