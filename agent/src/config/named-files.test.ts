import { describe, expect, it } from 'vitest';
import { type FakeFile, loadWith, minimal, path, warnings } from '../../simulation/loading.ts';

const file = (mode: number): FakeFile => ({ content: '', mode });
const directory = (mode: number): FakeFile => ({ content: '', mode, kind: 'directory' });
const written = 'can be changed by every user; take that right away (chmod o-w)';
const content = (members: object) => JSON.stringify({ ...minimal, ...members });

describe('programs that the configuration names', () => {
  const named = {
    access: { mode: 'consent', ask: '/opt/ask --led' },
    services: [{ port: 22, access: { mode: 'consent', ask: ['/bin/sh', '/opt/ask.sh'] } }],
    notify: { command: 'led on' },
    device: { ...minimal.device, properties: { load: { command: '/opt/load' }, fixed: 1 } },
  };

  it('are warned of where they are missing or cannot be run', () => {
    expect(warnings(loadWith(named, { '/opt/load': file(0o644) }))).toEqual([
      'access.ask: /opt/ask: no such file',
      'services[0].access.ask: /bin/sh: no such file',
      'notify.command: led: is in no directory of PATH',
      'device.properties.load.command: /opt/load: is no executable file',
    ]);
    const there = { '/opt/ask': file(0o755), '/opt/load': file(0o700), '/bin/sh': file(0o755) };
    expect(warnings(loadWith(named, { ...there, '/usr/bin/led': file(0o755) }))).toEqual([]);
  });

  it('are warned of where every user can change or replace them, scripts of an interpreter too', () => {
    const files = {
      '/opt': directory(0o777),
      '/opt/ask': file(0o757),
      '/opt/ask.sh': file(0o644),
      '/opt/load': file(0o755),
      '/bin/sh': file(0o755),
      '/bin/led': file(0o755),
    };
    const replaced = 'can be replaced by every user, who may write /opt; take that right away (chmod o-w)';
    expect(warnings(loadWith(named, files))).toEqual([
      `access.ask: /opt/ask ${written}`,
      `services[0].access.ask: /opt/ask.sh ${replaced}`,
      `device.properties.load.command: /opt/load ${replaced}`,
    ]);
    // As /tmp: nobody replaces what is another's.
    expect(
      warnings(loadWith(named, { ...files, '/opt': directory(0o1777), '/opt/ask': file(0o755) })),
    ).toEqual([]);
  });
});

describe('files that every user can change are warned of', () => {
  it.each([
    ['a secret', { device: { ...minimal.device, password: { file: '/s' } } }, 'device.password.file'],
    ['the authorities', { tls: { ca: '/s' } }, 'tls.ca'],
    ['a certificate', { tls: { cert: '/s', key: '/k' } }, 'tls.cert'],
  ])('%s', (_name, members, place) => {
    const files = { '/s': file(0o602), '/k': file(0o600) };
    expect(warnings(loadWith(members, files))).toEqual([`${place}: /s ${written}`]);
  });

  it.each([
    [0o666, 0o755, `${path} ${written}`],
    [
      0o600,
      0o777,
      `${path} can be replaced by every user, who may write /etc; take that right away (chmod o-w)`,
    ],
  ])('the configuration, of mode %o in a directory of mode %o', (mode, above, warning) => {
    const files = { [path]: { content: content({}), mode }, '/etc': directory(above) };
    expect(warnings(loadWith({}, files))).toEqual([warning]);
  });
});

it('directories that the agent writes to are warned of where they are missing', () => {
  const members = { control: '/a/c', stateFile: '/b/s', log: { to: { file: '/c/l' } } };
  expect(warnings(loadWith(members))).toEqual([
    'control: there is no directory /a',
    'stateFile: there is no directory /b, so "enable" and "disable" last until the agent ends',
    'log.to.file: there is no directory /c',
  ]);
});

it('a state file that cannot be written is warned of, because nobody may ask for it for years', () => {
  const readOnly = { '/var/lib': { ...directory(0o755), writable: false } };
  expect(warnings(loadWith({}, readOnly))).toEqual([
    'stateFile: the directory /var/lib cannot be written, so "enable" and "disable" last until the agent ends',
  ]);
  expect(warnings(loadWith({ stateFile: null }, readOnly))).toEqual([]);
});
