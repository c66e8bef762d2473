import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError, UsageError } from './errors.ts';
import {
  decodeProperties,
  decodePropertyHeader,
  encodePropertiesUpdate,
  encodePropertyHeader,
} from './property.ts';
import { hex } from './testing/bytes.ts';
import { FRAME_HEADER_BYTES } from './webtunnel-frame.ts';

const property = fc.record({ name: fc.string({ unit: 'grapheme' }), value: fc.string({ unit: 'grapheme' }) });

describe('property headers', () => {
  it.each([
    ['name', 'Pump 7', 'device;name="Pump 7"'],
    ['name', 'a "b" c', 'device;name="a \\"b\\" c"'],
    ['serial', 'a\\b', 'device;serial="a\\b"'],
    ['sshPort', '22', 'device;sshPort=22'],
    ['targetHost', '10.0.0.7', 'device;targetHost=10.0.0.7'],
    ['targetPorts', '22, 80', 'device;targetPorts=22, 80'],
    ['httpPort', '80', 'device;httpPort=80'],
    ['vncPort', '5900', 'device;vncPort=5900'],
    ['rdpPort', '3389', 'device;rdpPort=3389'],
    ['vpnPort', '1194', 'device;vpnPort=1194'],
    ['appPort', '8000', 'device;appPort=8000'],
    ['x', '', 'device;x=""'],
    ['x', 'a=b', 'device;x="a=b"'],
    ['x', 'é', 'device;x="Ã©"'],
  ])('%s = %j', (name, value, header) => {
    expect(encodePropertyHeader({ name, value })).toBe(header);
    expect(decodePropertyHeader(header)).toEqual({ name, value });
  });

  it.each([
    ['x', 'a\r\nEvil: 1', 'device;x="a  Evil: 1"'],
    ['x', '\0\t\x1f\x7f', 'device;x="    "'],
    ['targetHost', 'a\nb', 'device;targetHost=a b'],
  ])('%s = %j has spaces for control characters', (name, value, header) => {
    expect(encodePropertyHeader({ name, value })).toBe(header);
  });

  it.each(['', 'device', 'device;', 'device;=x', 'device;name', 'user;name="x"', 'x=y'])(
    'refuses %j',
    (header) => {
      expect(() => decodePropertyHeader(header)).toThrow(
        new ProtocolError('RM_PROPERTY', 'property header without "device;<name>=<value>"'),
      );
    },
  );

  it.each([
    ['device; name = "x" ', { name: 'name', value: 'x' }],
    ['device;name="', { name: 'name', value: '"' }],
    ['device;name="x', { name: 'name', value: '"x' }],
    ['device;name=x"', { name: 'name', value: 'x"' }],
  ])('reads %j', (header, expected) => {
    expect(decodePropertyHeader(header)).toEqual(expected);
  });

  it('give back any value without control characters and without a backslash before a quote', () => {
    const value = fc
      .string({ unit: 'grapheme' })
      .filter((text) => !/[\x00-\x1f\x7f\ud800-\udfff]/.test(text) && !/\\("|$)/.test(text));
    fc.assert(
      fc.property(value, (text) => {
        expect(decodePropertyHeader(encodePropertyHeader({ name: 'x', value: text }))).toEqual({
          name: 'x',
          value: text,
        });
      }),
    );
  });
});

describe('properties updates', () => {
  const payloadOf = (frame: Uint8Array) => frame.subarray(FRAME_HEADER_BYTES);

  it('are read as they were meant', () => {
    fc.assert(
      fc.property(fc.array(property, { maxLength: 20 }), (properties) => {
        expect(decodeProperties(payloadOf(encodePropertiesUpdate(properties)))).toEqual(properties);
      }),
    );
  });

  it.each([0, 1, 127, 128, 16_383, 16_384, 100_000, 2_097_152])('hold a value of %i bytes', (length) => {
    const properties = [{ name: 'x', value: 'v'.repeat(length) }];
    expect(decodeProperties(payloadOf(encodePropertiesUpdate(properties)))).toEqual(properties);
  });

  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '80 01'],
    [16_383, 'ff 7f'],
    [16_384, '80 80 01'],
  ])('write a length of %i in as few bytes as it takes', (length, bytes) => {
    const payload = payloadOf(encodePropertiesUpdate([{ name: '', value: 'v'.repeat(length) }]));
    expect(payload).toEqual(hex(`01 00 ${bytes} ${'76'.repeat(length)}`));
  });

  it('hold at most 255 properties', () => {
    const many = Array.from({ length: 255 }, (_, i) => ({ name: String(i), value: '' }));
    expect(decodeProperties(payloadOf(encodePropertiesUpdate(many)))).toHaveLength(255);
    expect(() => encodePropertiesUpdate([...many, { name: 'x', value: '' }])).toThrow(
      new UsageError('more than 255 properties in one update'),
    );
  });

  it.each([
    ['nothing', ''],
    ['a count without properties', '01'],
    ['a name without a value', '01 01 61'],
    ['a length beyond the end', '01 01 61 7f 62'],
    ['a last value without its length', '01 01 61'],
    ['a last value that is not there', '01 01 61 01'],
    ['a length that does not end', '01 80'],
    ['a length of five bytes', '01 80 80 80 80 01'],
    ['a length of five bytes that is nothing', '01 80 80 80 80 00 00'],
    ['a length of 2^31 and more', '01 ff ff ff ff 7f'],
    ['bytes left over', '01 01 61 01 62 00'],
  ])('are refused: %s', (_name, bytes) => {
    expect(decodeProperties(hex(bytes))).toBeNull();
  });
});
