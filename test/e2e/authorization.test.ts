import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { Lighttpd } from '../system/lighttpd.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { run } from '../system/rm-client.ts';

/**
 * Devices that have a log-in of their own: Debian's lighttpd with Basic and Digest, and with the very name and password that
 * the user has at the reflector.
 */

const same = { user: 'operator', password: 'operator password' };
const kinds = ['basic', 'digest'] as const;

let directory: string;
let system: RemoteSystem;
const devices: Record<string, Lighttpd> = {};

async function startDevice(method: (typeof kinds)[number]): Promise<Lighttpd> {
  const device = await Lighttpd.start((folder) => {
    writeFileSync(join(folder, 'users'), `${same.user}:${same.password}\n`, { mode: 0o600 });
    return [
      'server.modules = ( "mod_auth", "mod_authn_file" )',
      'auth.backend = "plain"',
      `auth.backend.plain.userfile = "${folder}/users"`,
      `auth.require = ( "/" => ( "method" => "${method}", "realm" => "device", "require" => "valid-user" ) )`,
    ];
  });
  writeFileSync(join(device.documents, 'index.html'), `<title>${method}</title>`);
  return device;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-authorization-'));
  for (const kind of kinds) devices[kind] = await startDevice(kind);
  system = await RemoteSystem.start({
    services: kinds.map((kind) => ({ port: devices[kind]?.port ?? 0, kind: 'http' })),
  });
  expect(same).toEqual({ user: system.user, password: system.password });
});

afterAll(async () => {
  await system?.stop();
  for (const device of Object.values(devices)) await device.stop();
  rmSync(directory, { recursive: true, force: true });
});

const hostOf = (kind: string) => `${deviceId}-${devices[kind]?.port}.localhost:${system.port}`;

describe.each(kinds)('a device with %s', (kind) => {
  test.each(['X-PTTH-Authorization', 'Proxy-Authorization'])(
    'curl logs in at the reflector by %s, and at the device as ever',
    async (header) => {
      const file = join(directory, 'curlrc');
      const lines = [
        `header = "${header}: ${system.authorization}"`,
        `user = "${same.user}:${same.password}"`,
        `connect-to = "::127.0.0.1:${system.port}"`,
        kind,
      ];
      writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
      const args = ['--silent', '--show-error', '--config', file, `http://${hostOf(kind)}/index.html`];
      expect(await run('curl', args)).toEqual({ status: 0, output: `<title>${kind}</title>`, errors: '' });
    },
  );

  test('in Chromium the device asks, and takes the name and password that the reflector has too', async () => {
    const browser = await startChromium();
    // What a person types where the browser asks for the device.
    const context = await browser.newContext({
      httpCredentials: { username: same.user, password: same.password, origin: `http://${hostOf(kind)}` },
    });
    const page = await context.newPage();
    await openLoggedIn(page, `http://${hostOf(kind)}/`, system);
    expect(await page.title()).toBe(kind);
    await page.reload();
    expect(await page.title()).toBe(kind);
    await browser.close();
  });
});
