import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from './device.ts';

const folder = join(import.meta.dirname, '../servers');

/** All devices, by the names of their files. */
export async function allDevices(): Promise<ReadonlyMap<string, Device>> {
  const devices = new Map<string, Device>();
  for (const file of readdirSync(folder).sort()) {
    const { device } = (await import(join(folder, file))) as { device: Device };
    devices.set(file.replace(/\.ts$/, ''), device);
  }
  return devices;
}
