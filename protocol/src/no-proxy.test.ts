import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bypasses } from './no-proxy.ts';

describe('no_proxy', () => {
  it.each([
    ['*', 'anything.example'],
    ['*', '192.0.2.1'],
    ['example.com', 'example.com'],
    ['example.com', 'a.b.example.com'],
    ['.example.com', 'a.example.com'],
    ['.example.com', 'example.com'],
    ['*.example.com', 'a.example.com'],
    ['Example.COM.', 'a.example.com'],
    ['example.com', 'EXAMPLE.com.'],
    ['a,b', 'b'],
    [' a , b ', 'b'],
    ['a b\tc', 'c'],
    ['example.com:443', 'example.com'],
    ['.example.com:443', 'a.example.com'],
    ['*:443', 'example.com'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:443', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.255'],
    ['192.0.2.0/23', '192.0.3.1'],
    ['0.0.0.0/0', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0:0:0:0:1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:DB8::1'],
    ['2001:db8::/32', '2001:db8:ffff::'],
    ['2001:db8::/47', '2001:db8:1::'],
    ['::/0', '::1'],
  ])('"%s" names %s', (noProxy, host) => {
    expect(bypasses(noProxy, host, 443)).toBe(true);
  });

  it.each([
    ['', 'example.com'],
    [',, ,', 'example.com'],
    ['.', 'example.com'],
    ['.', 'example.com..'],
    ['example.com', 'notexample.com'],
    ['example.com', 'example.com.evil.example'],
    ['a.example.com', 'example.com'],
    ['example.com:80', 'example.com'],
    ['*:80', 'example.com'],
    ['192.0.2.1:80', '192.0.2.1'],
    ['2.1', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.3.0'],
    ['192.0.2.0/31', '192.0.2.2'],
    ['192.0.2.0/33', '192.0.2.0'],
    ['192.0.2.0/', '192.0.2.0'],
    ['0.0.0.0/0', 'example.com'],
    ['0.0.0.0/0', '::1'],
    ['::/0', '192.0.2.1'],
    ['[2001:db8::1]:80', '2001:db8::1'],
    ['2001:db8::/48', '2001:db8:1::'],
    ['ex*', 'example.com'],
  ])('"%s" does not name %s', (noProxy, host) => {
    expect(bypasses(noProxy, host, 443)).toBe(false);
  });

  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/).filter((text) => /[a-z]/.test(text));
  const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));

  it('names a domain and all below it, among any others, and nothing beside it', () => {
    fc.assert(
      fc.property(
        domain,
        domain,
        fc.array(domain),
        fc.constantFrom(',', ' ', ', '),
        (above, below, others, comma) => {
          const noProxy = [...others, `.${above}`, ...others].join(comma);
          expect(bypasses(noProxy, above, 443)).toBe(true);
          expect(bypasses(noProxy, `${below}.${above}`, 443)).toBe(true);
          expect(bypasses(above, `x${above}`, 443)).toBe(false);
        },
      ),
    );
  });

  it('names exactly the addresses of a block', () => {
    const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
    fc.assert(
      fc.property(number, number, fc.integer({ min: 0, max: 32 }), (block, address, bits) => {
        const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
        const near = ((block & mask) | (address & ~mask)) >>> 0;
        expect(bypasses(`${dotted(block)}/${bits}`, dotted(near), 443)).toBe(true);
        const same = (block & mask) >>> 0 === (address & mask) >>> 0;
        expect(bypasses(`${dotted(block)}/${bits}`, dotted(address), 443)).toBe(same);
      }),
    );
  });

  it('of any text is judged', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (noProxy, host) => void bypasses(noProxy, host, 1)));
  });
});
