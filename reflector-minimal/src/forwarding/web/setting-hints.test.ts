import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readServiceSettings } from '../../devices/service-settings.ts';
import { defaultLimits } from '../../limits.ts';
import { SettingHints } from './setting-hints.ts';

function hints(limits: Partial<typeof defaultLimits> = {}) {
  const lines: { device: string; port: number; status: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const tested = new SettingHints(log, { ...defaultLimits, ...limits });
  const answered = (status: number, more: { device?: string; origin?: string; settings?: string } = {}) => {
    const { device = 'pump-7', origin, settings = '' } = more;
    const said = readServiceSettings({ 'service-80': settings }, 80);
    tested.answered({ device, port: 80, status, origin, settings: said });
  };
  /** The settings that were named, one text a line. */
  const told = () =>
    lines.map(({ msg }) => [...msg.matchAll(/services\[\]\.(\w+)/g)].map(([, name]) => name).join());
  return { tested, answered, told, lines };
}

test.each<[status: number, settings: string, told: string[]]>([
  [200, '', []],
  [302, '', []],
  [401, '', []],
  [404, '', []],
  [500, '', []],
  [400, '', ['host,forwarded']],
  [403, '', ['host,forwarded']],
  [421, '', ['host']],
  [431, '', ['headers']],
  [400, 'host=nas', ['forwarded']],
  [400, 'forwarded=no', ['host']],
  [400, 'host=nas; forwarded=no', []],
  [421, 'host=nas', []],
  [431, 'headers=few', []],
  [403, 'host=nas; headers=few', []],
])('%i of a service with "%s"', (status, settings, expected) => {
  const { answered, told } = hints();
  answered(status, { settings });
  expect(told()).toEqual(expected);
});

test('a service is told of once, whoever asks it', () => {
  const { answered, lines } = hints();
  for (let i = 0; i < 3; i++) answered(421);
  answered(431);
  expect(lines).toMatchObject([{ device: 'pump-7', port: 80, status: 421 }]);
  answered(421, { device: 'pump-8' });
  expect(lines).toHaveLength(2);
});

test('a service that has served a page may refuse what it likes, but for forms of its own page', () => {
  const { answered, told } = hints();
  answered(200);
  answered(403);
  answered(400, { origin: 'https://pump-7.example.com' });
  expect(told()).toEqual([]);
  answered(403, { origin: 'https://pump-7.example.com' });
  expect(told()).toEqual(['host']);
});

test('servicesHinted: the service that was heard of first is forgotten', () => {
  const { answered, lines } = hints({ servicesHinted: 2 });
  for (const device of ['a', 'b', 'c', 'c', 'b', 'a']) answered(421, { device });
  expect(lines.map(({ device }) => device)).toEqual(['a', 'b', 'c', 'a']);
});

test('a redirect to an address that may be its own is told of once for each service', () => {
  const { tested, lines } = hints();
  for (const device of ['pump-7', 'pump-7', 'pump-8'])
    tested.ledTo({ device, port: 80, authority: '10.0.0.1' });
  expect(lines.map(({ device, port, msg }) => [device, port, msg])).toEqual(
    ['pump-7', 'pump-8'].map((device) => [
      device,
      80,
      'the service redirects to 10.0.0.1, which users cannot reach; if that is its own address, set services[].host to it',
    ]),
  );
});
