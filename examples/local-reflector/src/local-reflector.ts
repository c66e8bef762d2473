import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceSecrets, generatePassword, hashPassword, Installation, startReflector } from 'rm-reflector';

/** A reflector on loopback with one device and one user, for an example. */
export interface LocalReflector {
  /** What the agent dials. */
  readonly uri: string;
  readonly device: { readonly id: string; readonly domain: string; readonly password: string };
  readonly user: { readonly name: string; readonly password: string };
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Where a browser finds the device. */
  readonly deviceUri: string;
  /** Where to look and how to log in, for a terminal. */
  readonly invitation: string;
  close(): Promise<void>;
}

/** Starts one on a free port; what it keeps is in a folder that `close` removes. */
export async function startLocalReflector(deviceId: string): Promise<LocalReflector> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-example-'));
  chmodSync(folder, 0o700);
  const reflector = await startReflector({ port: 0, data: join(folder, 'reflector.sqlite') });
  const { store, port } = reflector;
  const device = {
    id: deviceId,
    domain: await new Installation(store).domain(),
    password: generatePassword(),
  };
  const user = { name: 'demo', password: generatePassword() };
  const secrets = await deviceSecrets(device.id, device.domain, device.password, false);
  await store.devices.add({ id: device.id, domain: device.domain, secrets }, Date.now(), null);
  await store.users.add(user.name, await hashPassword(user.password), Date.now(), 'administrator');
  const deviceUri = `http://${deviceId}.localhost:${port}/`;
  return {
    uri: `http://127.0.0.1:${port}/`,
    device,
    user,
    port,
    deviceUri,
    invitation: `\n  Device    ${deviceUri}\n  User      ${user.name}\n  Password  ${user.password}\n\n  Ctrl-C ends the example.\n`,
    close: async () => {
      await reflector.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when somebody presses Ctrl-C, or the process is to end. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
