import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LocalReflector } from 'local-reflector';

export interface CDevice {
  /** Ends the program; resolves with its exit status. */
  stop(): Promise<number | null>;
}

/** Runs the program with a configuration for this reflector, perhaps under a checker; resolves when it is connected. */
export async function startDevice(
  { uri, device: { id, domain, password } }: LocalReflector,
  [command = '', ...args]: readonly string[],
): Promise<CDevice> {
  const file = join(tmpdir(), `${id}-${process.pid}.json`);
  const configuration = {
    reflector: uri,
    device: { id, domain, password: { callback: true } },
    services: [{ port: 80, kind: 'http' }],
  };
  writeFileSync(file, JSON.stringify(configuration, null, 2));
  const child = spawn(command, [...args, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DEVICE_PASSWORD: password },
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('connected to ')) break;
  }
  child.stdout.resume();
  rmSync(file);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      const [status] = (await ended) as [number | null];
      return status;
    },
  };
}
