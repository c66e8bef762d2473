import { expect, it } from 'vitest';
import { accepted, loadWith } from '../../simulation/loading.ts';
import { serviceAddress } from './forwarded-ports.ts';
import { fixedProperties } from './properties.ts';

const lan = accepted(
  loadWith({
    target: '192.168.1.1',
    services: [
      { port: 80 },
      { port: 8001, target: '192.168.1.20', targetPort: 80 },
      { port: 8002, target: '192.168.1.21', targetPort: 443 },
      { port: 9000, target: 'unix:/run/x.sock' },
    ],
  }),
);

it('two devices of the LAN may have the same port', () => {
  expect(lan.services.map((service) => serviceAddress(service, lan.target))).toEqual([
    { host: '192.168.1.1', port: 80 },
    { host: '192.168.1.20', port: 80 },
    { host: '192.168.1.21', port: 443 },
    { path: '/run/x.sock' },
  ]);
});

it('the reflector gets its own ports, and where they lead', () => {
  const properties = new Map(fixedProperties(lan).map(({ name, value }) => [name, value]));
  expect(properties.get('targetPorts')).toBe('80, 8001, 8002, 9000');
  expect(properties.get('httpPort')).toBe('80');
  expect(properties.get('service-8001')).toBe('target=192.168.1.20; targetPort=80');
  expect(properties.get('service-8002')).toBe('kind=https; target=192.168.1.21; targetPort=443');
  expect(properties.has('service-9000')).toBe(false);
});
