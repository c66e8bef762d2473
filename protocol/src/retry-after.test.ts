import { describe, expect, it } from 'vitest';
import { HeaderFields } from './http-head.ts';
import { httpDate, retryAfter } from './retry-after.ts';

const date = 'Wed, 21 Oct 2026 07:28:00 GMT';

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['999999', 999_999_000],
    ['10000000', null],
    ['-1', null],
    ['1e9', null],
    ['', null],
    ['Wed, 21 Oct 2026 07:29:30 GMT', 90_000],
    ['Thu, 22 Oct 2026 07:28:00 GMT', 86_400_000],
    ['Wed, 21 Oct 2026 07:27:59 GMT', 0],
    ['Wed, 21 Foo 2026 07:29:30 GMT', null],
    ['Wednesday, 21-Oct-26 07:29:30 GMT', null],
    ['2026-10-21T07:29:30Z', null],
  ])('"%s" in a response of that date is %s ms', (value, expected) => {
    const headers = new HeaderFields([
      ['Date', date],
      ['Retry-After', value],
    ]);
    expect(retryAfter(headers)).toBe(expected);
  });

  it('that is a date is left alone when the response has none to compare it with', () => {
    expect(retryAfter(new HeaderFields([['Retry-After', date]]))).toBe(null);
    expect(
      retryAfter(
        new HeaderFields([
          ['Retry-After', date],
          ['Date', 'now'],
        ]),
      ),
    ).toBe(null);
  });

  it('that is not there asks for nothing', () => {
    expect(retryAfter(new HeaderFields([['Date', date]]))).toBe(null);
  });
});

describe('an HTTP date', () => {
  it.each(['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'])(
    'is read in %s',
    (month) => {
      const text = `Thu, 05 ${month} 2026 12:34:56 GMT`;
      expect(httpDate(text)).toBe(Date.parse(text));
    },
  );

  it.each([` ${date}`, `x${date}`, `${date} `, `${date}x`, date.replace('GMT', 'CET'), date.slice(0, -4)])(
    'is not read from %j',
    (text) => {
      expect(httpDate(text)).toBeNull();
    },
  );
});
