import { hexEncode, ProtocolError } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../protocol/src/testing/bytes.ts';
import {
  decode,
  encodeAcknowledgement,
  encodeConnect,
  encodeDisconnect,
  encodePing,
  encodePublish,
  encodeSubscribe,
} from './codec.ts';

const connect = {
  clientId: 'a',
  user: null,
  password: null,
  keepAlive: 60,
  sessionExpiry: 0,
  will: null,
  willDelay: 5,
  maximumPacket: 16_384,
};
const message = { topic: 't', payload: 'hi', retain: true };

describe('packets of a client, as the specifications have them', () => {
  it.each([
    ['CONNECT 3.1.1', encodeConnect({ ...connect, level: 4 }), '100d00044d5154540402003c000161'],
    [
      'CONNECT 5',
      encodeConnect({ ...connect, level: 5 }),
      '101b00044d5154540502003c0d110000000021001027000040000001' + '61',
    ],
    ['PUBLISH 3.1.1', encodePublish(4, message, 10, false), '3307000174000a6869'],
    ['PUBLISH again', encodePublish(4, message, 10, true), '3b07000174000a6869'],
    ['PUBLISH 5', encodePublish(5, message, 10, false), '3308000174000a006869'],
    ['PUBACK', encodeAcknowledgement(258), '40020102'],
    ['SUBSCRIBE 3.1.1', encodeSubscribe(4, 1, ['a/+']), '820800010003612f2b01'],
    ['SUBSCRIBE 5', encodeSubscribe(5, 1, ['a/+']), '82090001000003612f2b01'],
    ['PINGREQ', encodePing(), 'c000'],
    ['DISCONNECT 3.1.1', encodeDisconnect(4), 'e000'],
    ['DISCONNECT 5', encodeDisconnect(5), 'e0020000'],
  ])('%s', (_name, bytes, expected) => {
    expect(hexEncode(bytes)).toBe(expected);
  });

  it('has a will, a user and a password', () => {
    const bytes = encodeConnect({
      ...connect,
      level: 4,
      sessionExpiry: 1,
      user: 'u',
      password: 'p',
      will: message,
    });
    expect(hexEncode(bytes)).toBe('101a00044d51545404ec003c00016100017400026869000175000170');
  });
});

const terms = {
  sessionPresent: false,
  receiveMaximum: 65_535,
  maximumPacket: 0xffff_ffff,
  retains: true,
  keepAlive: null,
};

describe('packets of a broker', () => {
  it.each([
    [4, '20020000', { type: 'connack', code: 0, terms }],
    [4, '20020105', { type: 'connack', code: 5, terms: { ...terms, sessionPresent: true } }],
    [5, '2003000000', { type: 'connack', code: 0, terms }],
    [
      5,
      '200b00000821000a13001e2500',
      { type: 'connack', code: 0, terms: { ...terms, receiveMaximum: 10, keepAlive: 30, retains: false } },
    ],
    [4, '4002000a', { type: 'puback', id: 10, code: 0 }],
    [5, '4004000a8700', { type: 'puback', id: 10, code: 135 }],
    [4, '9003000101', { type: 'suback', id: 1, codes: [1] }],
    [4, 'd000', { type: 'pingresp' }],
    [5, 'e0028e00', { type: 'disconnect', code: 142 }],
  ] as const)('MQTT level %d: %s', (level, bytes, expected) => {
    expect(decode(level, hex(bytes))).toEqual(expected);
  });

  it.each([
    [4, '300700017468692121', null],
    [4, '3207000174000a6869', 10],
    [5, '3208000174000a006869', 10],
  ] as const)('publications: level %d, %s', (level, bytes, id) => {
    expect(decode(level, hex(bytes))).toMatchObject({ type: 'publish', topic: 't', id });
  });

  it.each([
    [4, '2001', 'shorter than it says'],
    [4, '200100', 'CONNACK without a code'],
    [4, '20020200', 'reserved bits in CONNACK'],
    [4, '4000', 'PUBACK without an identifier'],
    [4, '40020000', 'the identifier 0'],
    [4, '3407000174000a6869', 'QoS 2'],
    [4, '3607000174000a6869', 'QoS 3'],
    [4, '3205000274000a', 'a topic that is longer than the packet'],
    [4, '320400000001', 'an empty topic'],
    [5, '32080001740001' + 'ff6869', 'properties without an end'],
    [5, '32090001740001027a0068', 'an unknown property'],
    [4, '1000', 'CONNECT'],
    [4, '8200', 'SUBSCRIBE'],
    [4, 'c000', 'PINGREQ'],
    [4, 'f000', 'AUTH'],
    [4, 'd000d000', 'two packets'],
  ] as const)('throws for level %d, %s: %s', (level, bytes, _what) => {
    expect(() => decode(level, hex(bytes))).toThrow(ProtocolError);
  });
});
