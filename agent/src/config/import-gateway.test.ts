import { describe, expect, it } from 'vitest';
import { importGateway, isGatewayProperties } from './import-gateway.ts';
import { problemsOf } from './load.ts';

const facts = { platform: 'Linux/6.1; arm', directory: '/etc/', dateMs: 0, environment: () => undefined };
const convert = (common: string, files: Record<string, string>) =>
  importGateway(
    common,
    Object.entries(files).map(([name, text]) => ({ name, text })),
    facts,
    problemsOf,
  );

const common = `
gateway.http.port = 8080
gateway.watchRepository = true
webtunnel.domain = 00000000-0000-0000-0000-000000000000
webtunnel.reflectorURI = https://remote.example.com
webtunnel.username = \${webtunnel.deviceId}@\${webtunnel.domain}
webtunnel.connectTimeout = 10
tls.acceptUnknownCertificate = false
webtunnel.https.verification = none
webtunnel.https.minVersion = tlsv1
`;

const camera = `
webtunnel.deviceName = Gate
webtunnel.deviceId = a1
webtunnel.domain = d1
webtunnel.host = 192.168.1.20
webtunnel.ports = 80, 554
webtunnel.httpPort = 80
`;

const plc = `
webtunnel.deviceId = b2
webtunnel.domain = d1
webtunnel.host = 192.168.1.21
webtunnel.ports = 443
webtunnel.httpPort = 443
webtunnel.https.enable = true
`;

describe('importGateway', () => {
  it('has what devices share once, and the rest in each', () => {
    const { json } = convert(common, { 'a1.properties': camera, 'b2.properties': plc });
    expect(json).toEqual({
      reflector: 'https://remote.example.com',
      timeouts: { connect: 10 },
      gateway: {
        devices: [
          {
            device: { id: 'a1', domain: 'd1', name: 'Gate' },
            target: '192.168.1.20',
            services: [
              { port: 80, kind: 'http' },
              { port: 554, kind: 'tcp' },
            ],
          },
          {
            device: { id: 'b2', domain: 'd1' },
            target: '192.168.1.21',
            services: [{ port: 443, kind: 'https', tls: { verify: false, minVersion: '1.2' } }],
          },
        ],
      },
    });
  });

  it('keeps in a device what only that has', () => {
    const own = `${camera}webtunnel.reflectorURI = https://other.example\n`;
    const { json } = convert(common, { 'a1.properties': own, 'b2.properties': plc });
    expect(json).not.toHaveProperty('reflector');
    expect(json.gateway).toMatchObject({
      devices: [{ reflector: 'https://other.example' }, { reflector: 'https://remote.example.com' }],
    });
  });

  it('warns once of what is the same for all, and else names the file', () => {
    const { warnings } = convert(common, {
      'a1.properties': `${camera}webtunnel.threads = 4\n`,
      'b2.properties': plc,
    });
    expect(warnings).toContainEqual(expect.stringMatching(/^a1\.properties: webtunnel\.threads: not needed/));
    expect(warnings).toContainEqual(
      expect.stringMatching(/^b2\.properties: webtunnel\.https\.verification: nobody/),
    );
    expect(warnings).toContainEqual(expect.stringMatching(/^gateway\.\*: /));
    expect(warnings.filter((line) => /gateway\.http/.test(line))).toEqual([]);
  });

  it('names the target that the original takes for granted', () => {
    const { json } = convert('', { 'x.properties': camera.replace(/^webtunnel\.host.*$/m, '') });
    expect(json.gateway).toMatchObject({ devices: [{ target: '127.0.0.1' }] });
  });

  it('tells the gateway’s own file from that of a device', () => {
    expect([isGatewayProperties(common), isGatewayProperties(camera)]).toEqual([true, false]);
  });
});
