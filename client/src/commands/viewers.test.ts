import { describe, expect, test } from 'vitest';
import { browserOf, puttyArguments, puttyOf, viewersOf } from './viewers.ts';

const windows = { ProgramFiles: 'C:\\Program Files', 'ProgramFiles(x86)': 'C:\\Program Files (x86)' };
const files = (...args: Parameters<typeof viewersOf>) => viewersOf(...args).map(({ file }) => file);

describe('viewers', () => {
  test.each([
    ['vnc', 'linux', {}, ['vncviewer', 'xtigervncviewer']],
    ['rdp', 'linux', {}, ['xfreerdp3', 'xfreerdp', 'wlfreerdp']],
    ['rdp', 'win32', windows, ['mstsc']],
    ['rdp', 'darwin', {}, ['xfreerdp3', 'xfreerdp', 'wlfreerdp', '/usr/bin/open']],
  ] as const)('%s on %s', (kind, platform, environment, expected) => {
    expect(files(kind, platform, environment)).toEqual(expected);
  });

  test('on Windows are found where they are installed', () => {
    expect(files('vnc', 'win32', windows)).toEqual(
      expect.arrayContaining([
        'vncviewer',
        'C:\\Program Files\\TigerVNC\\vncviewer.exe',
        'C:\\Program Files (x86)\\TightVNC\\tvnviewer.exe',
      ]),
    );
    expect(files('vnc', 'win32', {})).toEqual(['vncviewer', 'xtigervncviewer']);
  });

  test.each([
    ['vnc', 'linux', ['-FullScreen', '127.0.0.1::5901']],
    ['vnc', 'darwin', ['-FullScreen', '127.0.0.1::5901']],
    ['rdp', 'win32', ['/v:127.0.0.1:5901', '-FullScreen']],
  ] as const)('%s on %s: the first is told the port', (kind, platform, expected) => {
    expect(viewersOf(kind, platform, {})[0]?.arguments(5901, ['-FullScreen'])).toEqual(expected);
  });

  test.each([
    ['vnc', 'vnc://127.0.0.1:5901'],
    ['rdp', 'rdp://full%20address=s:127.0.0.1:5901'],
  ] as const)('of macOS itself stay until they end: %s', (kind, url) => {
    expect(viewersOf(kind, 'darwin', {}).at(-1)?.arguments(5901, [])).toEqual(['-W', url]);
  });

  test('PuTTY is one of Windows, and keeps the key under the name of the device', () => {
    expect(puttyOf('linux', windows)).toEqual([]);
    expect(puttyOf('win32', windows)).toContain('C:\\Program Files\\PuTTY\\putty.exe');
    expect(puttyArguments({ device: 'pump-7', login: 'root@', port: 4022 }, ['-v'])).toEqual([
      ...['-ssh', '-loghost', 'pump-7', '-P', '4022', '-v', 'root@127.0.0.1'],
    ]);
  });
});

test.each([
  ['linux', 'xdg-open', ['https://a/?b&c']],
  ['darwin', '/usr/bin/open', ['https://a/?b&c']],
  ['win32', 'rundll32', ['url.dll,FileProtocolHandler', 'https://a/?b&c']],
] as const)('the browser on %s', (platform, file, args) => {
  const browser = browserOf(platform);
  expect([browser.file, browser.arguments('https://a/?b&c')]).toEqual([file, args]);
});
