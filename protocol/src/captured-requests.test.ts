import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeBasic, splitDeviceUser } from './basic.ts';
import { HeadReader, type RequestHead } from './http-head.ts';
import { answerOffer } from './negotiation.ts';
import { decodePropertyHeader, encodePropertyHeader } from './property.ts';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from './subprotocol.ts';

/** Requests as the programs of the original C++ SDK, release 2.5.0, have sent them. */
function read(file: string): RequestHead {
  const bytes = readFileSync(new URL(`captured/${file}`, import.meta.url));
  const reader = new HeadReader(16_384);
  expect(reader.push(bytes, 0, bytes.length)).toBe(bytes.length);
  return reader.request();
}

/** What a reflector answers to it. */
function answer({ headers }: Pick<RequestHead, 'headers'>): unknown {
  const extension = { maxFrame: 65_536, window: 262_144 };
  return answerOffer({ keepAlive: 1000, extension }, headers, { maxFrame: 2048, window: 1 });
}

describe("the original agent's upgrade", () => {
  const { method, target, headers } = read('agent-upgrade.http');

  it('is read', () => {
    expect({ method, target }).toEqual({ method: 'POST', target: '/' });
    expect(headers.get('sec-websocket-protocol')).toBe(SERVER_PROTOCOL);
    expect(answer({ headers })).toEqual({ keepAlive: 300, extension: null });
    expect(headers.lists('connection', 'upgrade')).toBe(true);
  });

  it('names the device', () => {
    const credentials = decodeBasic(headers.get('authorization') ?? '');
    expect(credentials?.password).toBe('s3cret');
    expect(splitDeviceUser(credentials?.user ?? '')).toEqual({
      deviceId: '11111111-2222-3333-4444-555555555555',
      domain: '00000000-0000-0000-0000-0000000000aa',
    });
  });

  it('holds properties that are written again as they were', () => {
    const lines = headers.all('x-ptth-set-property');
    const properties = lines.map(decodePropertyHeader);
    expect(Object.fromEntries(properties.map(({ name, value }) => [name, value]))).toEqual({
      targetHost: '127.0.0.1',
      targetPorts: '18022, 18080, 18099',
      httpPath: '/ui/',
      httpPort: '18080',
      sshPort: '18022',
      name: 'probe "dev"',
      version: '1.2.3',
      kernel: '6.1.0',
      serial: 'SN-1',
    });
    expect(properties.map(encodePropertyHeader)).toEqual(lines);
  });
});

describe("the original client's upgrade", () => {
  it('is read', () => {
    const { method, headers } = read('client-upgrade.http');
    expect(method).toBe('POST');
    expect(headers.get('sec-websocket-protocol')).toBe(CLIENT_PROTOCOL);
    expect(headers.get('x-webtunnel-remoteport')).toBe('22');
    expect(answer({ headers })).toEqual({ keepAlive: 300, extension: null });
    expect(headers.get('host')).toBe('dev1.test:19001');
    expect(decodeBasic(headers.get('authorization') ?? '')).toEqual({ user: 'u', password: 'p' });
  });
});
