import { describe, expect, it } from 'vitest';
import { certificateEnds } from './certificate.ts';

/** One element of DER: its tag, its length in the shortest form, its contents. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([
    Buffer.from(body.length < 128 ? [tag, body.length] : [tag, 0x81, body.length]),
    body,
  ]);
}
const text = (tag: number, value: string) => der(tag, Buffer.from(value, 'latin1'));
const utc = (value: string) => text(0x17, value);
const general = (value: string) => text(0x18, value);
const sequence = (...contents: Buffer[]) => der(0x30, ...contents);
const version = der(0xa0, text(2, '\x02'));

/** As much of a certificate as RFC 5280 section 4.1 has before its validity, and that. */
function certificate(
  notAfter: Buffer,
  before: Buffer[] = [version],
  notBefore = utc('200101000000Z'),
): Buffer {
  const [serial, signature, issuer] = [text(2, '\x01'), sequence(), sequence()];
  return sequence(sequence(...before, serial, signature, issuer, sequence(notBefore, notAfter), sequence()));
}

function pem(body: Buffer | string, label = 'CERTIFICATE'): string {
  const encoded = typeof body === 'string' ? body : body.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${encoded}\n-----END ${label}-----\n`;
}

const endOf = (notAfter: Buffer) =>
  certificateEnds(pem(certificate(notAfter))).map((end) => new Date(end).toISOString());

describe('certificateEnds', () => {
  it.each([
    ['310203040506Z', '2031-02-03T04:05:06.000Z'],
    ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['991231000000Z', '1999-12-31T00:00:00.000Z'],
  ])('reads UTCTime %s', (time, end) => {
    expect(endOf(utc(time))).toEqual([end]);
  });

  it.each([
    ['20500607080910Z', '2050-06-07T08:09:10.000Z'],
    ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
  ])('reads GeneralizedTime %s', (time, end) => {
    expect(endOf(general(time))).toEqual([end]);
  });

  it.each<[string, Buffer]>([
    ['UTCTime without seconds', utc('3102030405Z')],
    ['UTCTime of another zone', utc('310203040506+0100')],
    ['UTCTime with four digits of a year', utc('20310203040506Z')],
    ['UTCTime with something before it', utc('x310203040506Z')],
    ['UTCTime with something behind it', utc('310203040506Zx')],
    ['GeneralizedTime with two digits of a year', general('310203040506Z')],
    ['GeneralizedTime with fractions', general('20310203040506.5Z')],
    ['GeneralizedTime with something behind it', general('20310203040506Z'.padEnd(40, 'x'))],
    ['letters', utc('31020304050aZ')],
    ['text of another kind', text(0x0c, '20310203040506Z')],
    ['nothing', utc('')],
  ])('passes over %s', (_what, time) => {
    expect(certificateEnds(pem(certificate(time)))).toEqual([]);
  });

  const ends = utc('310203040506Z');
  const end = Date.UTC(2031, 1, 3, 4, 5, 6);

  it('knows certificates of version 1, which do not name it', () => {
    expect(certificateEnds(pem(certificate(ends, [])))).toEqual([end]);
  });

  it('reads the second time of the two', () => {
    const earlier = utc('210101000000Z');
    expect(certificateEnds(pem(certificate(ends, [version], earlier)))).toEqual([end]);
  });

  it('reads each certificate in its order, among other things, whatever ends the lines', () => {
    const all = [
      'a comment\n',
      pem(certificate(ends), 'PRIVATE KEY'),
      pem(certificate(ends)),
      pem('!!!!'),
      pem(certificate(general('20500607080910Z'))),
    ].join('');
    const expected = [end, Date.UTC(2050, 5, 7, 8, 9, 10)];
    expect(certificateEnds(all)).toEqual(expected);
    expect(certificateEnds(all.replaceAll('\n', '\r\n'))).toEqual(expected);
  });

  const time = sequence(utc('200101000000Z'), ends);
  it.each<[string, Buffer | string]>([
    ['no base64', '!!!!'],
    ['nothing', ''],
    ['three zeros', 'AAAA'],
    ['a sequence of a number', 'MAMCAQE='],
    ['an empty sequence', 'MAA='],
    ['a sequence of indefinite length', 'MIA='],
    ['no sequence', text(4, 'abc')],
    ['a certificate without a body', sequence(text(4, 'abc'))],
    ['an empty body', sequence(sequence())],
    ['a body that is cut', sequence(Buffer.from('3082', 'hex'))],
    ['a body whose fields are cut', sequence(sequence(Buffer.from('0209', 'hex')))],
    ['too few fields', sequence(sequence(version, sequence(), time))],
    [
      'a validity that is no sequence',
      sequence(sequence(version, time, time, time, der(0x31, utc('a'), ends))),
    ],
    ['a validity of one time', sequence(sequence(version, time, time, time, sequence(ends)))],
    [
      'a validity whose elements are cut',
      sequence(sequence(version, time, time, time, text(0x30, '\x17\x09'))),
    ],
  ])('passes over %s', (_what, body) => {
    expect(certificateEnds(pem(body))).toEqual([]);
  });

  it('demands that the text ends with the label', () => {
    expect(certificateEnds(pem(certificate(ends)).replace('END CERTIFICATE', 'END KEY'))).toEqual([]);
  });
});
