import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { canBoot, until } from '../system/booted-system.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { type Certificate, RaucSystem } from '../system/rauc-system.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/**
 * RAUC updates a device through the tunnel: a signed bundle comes to the device's own page, goes into the slot that does
 * not run, has one boot to bring the device on line, and otherwise gives way to the system before it.
 */
describe.runIf(canBoot)('a device with RAUC', () => {
  let folder: string;
  let authority: Authority;
  let signer: Certificate;
  let reflector: RemoteSystem;
  let device: RaucSystem;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rm-rauc-'));
    authority = new Authority();
    signer = authority.issue({ names: 'email:release@example.com' });
    reflector = await RemoteSystem.start({ services: [], agent: null });
    const webPort = await reservedPort();
    device = new RaucSystem({
      folder,
      password: reflector.devicePassword,
      webPort,
      keyring: authority.file,
      configuration: {
        reflector: `http://127.0.0.1:${reflector.port}/`,
        device: { id: deviceId, domain: reflector.domain, password: { file: '/data/rm-agent/secret' } },
        services: [{ port: webPort, kind: 'http' }],
        reconnect: { min: 1, max: 2 },
        notify: { command: ['/usr/lib/mark-good'], timeout: 60 },
      },
    });
    device.start();
    await online('1');
  });

  afterAll(async () => {
    await device?.cutPower();
    await reflector?.stop();
    authority?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Asks the device's web server through the reflector. */
  function ask(path: string, body?: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = {
        host: reflector.host,
        authorization: reflector.authorization,
        ...(body && { 'content-length': body.length, 'content-type': 'application/octet-stream' }),
      };
      const address = { host: '127.0.0.1', port: reflector.port, path, headers, agent: false as const };
      const asked = request({ ...address, method: body ? 'POST' : 'GET' }, async (response) => {
        try {
          let text = '';
          for await (const part of response) text += part;
          resolve(`${response.statusCode} ${text}`);
        } catch (error) {
          reject(error);
        }
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** Resolves when the reflector reaches this version of the device. */
  async function online(version: string): Promise<void> {
    let answer = '';
    while (answer !== `200 ${version}`) {
      answer = await ask('/version').catch(String);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  const install = (bundle: Buffer) => ask('/cgi-bin/install', bundle);

  async function reboot(): Promise<void> {
    await device.cutPower();
    device.start();
  }

  const status = () => device.run('rauc status --output-format=shell').output;
  const isGood = () => until(() => device.run('cat /data/boot/$(cat /run/slot).left').output === '3\n');

  test('installs a signed version, which is found good once it is on line', async () => {
    await isGood();
    expect(await install(device.bundle('2', signer))).toMatch(/^200 [\s\S]*succeeded[\s\S]*status 0\n$/);
    await reboot();
    await online('2');
    await isGood();
    expect(status()).toMatch(/RAUC_SYSTEM_BOOTED_BOOTNAME='?b'?/);
    await reboot();
    await online('2');
  });

  test('refuses a version that somebody else has signed, and one that was changed', async () => {
    const stranger = new Authority();
    try {
      const theirs = device.bundle('theirs', stranger.issue({ names: 'email:release@example.com' }));
      expect(await install(theirs)).toMatch(/signature verification failed[\s\S]*status 1\n$/);
    } finally {
      stranger.remove();
    }
    const changed = device.bundle('changed', signer);
    const middle = changed.length >> 1;
    changed.writeUInt8(changed.readUInt8(middle) ^ 1, middle);
    expect(await install(changed)).toMatch(/signature verification failed[\s\S]*status 1\n$/);
    await reboot();
    await online('2');
  });

  test('goes back to the version before when one does not bring it on line', async () => {
    await isGood();
    const broken = { 'usr/bin/rm-agent': '#!/bin/sh\nexit 1\n' };
    expect(await install(device.bundle('broken', signer, broken))).toMatch(/status 0\n$/);
    await reboot();
    await until(() => device.run('cat /www/version').output === 'broken');
    // What a watchdog would do.
    await reboot();
    await online('2');
    expect(status()).toMatch(/RAUC_SYSTEM_BOOTED_BOOTNAME='?b'?/);
    await isGood();
  });

  test.each([
    ['before the slot is written', 'set-state'],
    ['after the slot was written', 'set-primary'],
  ])('comes back with the version before when the power is cut %s', async (_, step) => {
    await isGood();
    device.run(`echo ${step} >/run/hold`);
    const cut = install(device.bundle('3', signer)).catch(() => 'cut');
    await until(() => device.run('ls /run/held').status === 0);
    await reboot();
    await online('2');
    expect(await cut).not.toMatch(/status 0/);
  });

  test('installs what was cut at the next attempt', async () => {
    await isGood();
    expect(await install(device.bundle('3', signer))).toMatch(/status 0\n$/);
    await reboot();
    await online('3');
  });
});
