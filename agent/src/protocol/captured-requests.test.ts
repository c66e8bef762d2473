import { describe, expect, it } from 'vitest';
import { ascii } from '../host/simulated/bytes.ts';
import { decodeBasic, splitDeviceUser } from './basic.ts';
import { HeadReader, type RequestHead } from './http-head.ts';
import { decodePropertyHeader, encodePropertyHeader } from './property.ts';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from './subprotocol.ts';

/** Requests as the programs of the original C++ SDK, release 2.5.0, have sent them. */

const agentUpgrade = [
  'POST / HTTP/1.1',
  'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
  'X-PTTH-Set-Property: device;targetHost=127.0.0.1',
  'X-PTTH-Set-Property: device;targetPorts=18022, 18080, 18099',
  'X-PTTH-Set-Property: device;httpPath="/ui/"',
  'X-PTTH-Set-Property: device;httpPort=18080',
  'X-PTTH-Set-Property: device;sshPort=18022',
  'X-PTTH-Set-Property: device;name="probe \\"dev\\""',
  'X-PTTH-Set-Property: device;version="1.2.3"',
  'X-PTTH-Set-Property: device;kernel="6.1.0"',
  'X-PTTH-Set-Property: device;serial="SN-1"',
  'User-Agent: WebTunnelAgent/2.5.0 (Linux/6.1.0; x86_64) POCO/1.11.10',
  'X-WebTunnel-KeepAlive: 300',
  'Authorization: Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1QDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDBhYTpzM2NyZXQ=',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==',
  'Host: 127.0.0.1:19000',
];

const clientUpgrade = [
  'POST / HTTP/1.1',
  'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
  'X-WebTunnel-RemotePort: 22',
  'X-WebTunnel-KeepAlive: 300',
  'Authorization: Basic dTpw',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: pVjARIB3e2F+zoQGIpOYZg==',
  'Host: dev1.test:19001',
];

function read(lines: readonly string[]): RequestHead {
  const bytes = ascii(`${lines.join('\r\n')}\r\n\r\n`);
  const reader = new HeadReader(16_384);
  expect(reader.push(bytes, 0, bytes.length)).toBe(bytes.length);
  return reader.request();
}

describe("the original agent's upgrade", () => {
  const { method, target, headers } = read(agentUpgrade);

  it('is read', () => {
    expect({ method, target }).toEqual({ method: 'POST', target: '/' });
    expect(headers.get('sec-websocket-protocol')).toBe(SERVER_PROTOCOL);
    expect(headers.get('x-webtunnel-keepalive')).toBe('300');
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
    const { method, headers } = read(clientUpgrade);
    expect(method).toBe('POST');
    expect(headers.get('sec-websocket-protocol')).toBe(CLIENT_PROTOCOL);
    expect(headers.get('x-webtunnel-remoteport')).toBe('22');
    expect(headers.get('host')).toBe('dev1.test:19001');
    expect(decodeBasic(headers.get('authorization') ?? '')).toEqual({ user: 'u', password: 'p' });
  });
});
