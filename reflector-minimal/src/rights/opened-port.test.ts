import { expect, test } from 'vitest';
import { mayOpen, openedPort, portRefusal } from './opened-port.ts';

const device = { properties: { targetPorts: '22, 80, 8443', httpPort: '80', 'service-8443': 'kind=https' } };
const until = Number.POSITIVE_INFINITY;

test.each([
  [null, [22, 80, 8443]],
  [[], []],
  [['web'], [80, 8443]],
  [[22], [22]],
  [
    ['web', 22],
    [22, 80, 8443],
  ],
  [[80], [80]],
] as const)('%j opens %j', (ports, open) => {
  const opened = [22, 80, 8443].filter((port) => mayOpen({ ports, until }, openedPort(device, port)));
  expect(opened).toEqual(open);
});

test('a refusal names what may be opened instead', () => {
  const at = (ports: readonly (number | 'web')[] | null) =>
    portRefusal({ ports, until }, openedPort(device, 22));
  expect(at(['web', 5900])).toMatchObject({
    status: 403,
    error: 'You may not open port 22 of this device: you may open its web interface, port 5900',
  });
  expect(at([])?.error).toMatch(/: you may open none of its ports$/);
  expect(at(null)).toBe(null);
});
