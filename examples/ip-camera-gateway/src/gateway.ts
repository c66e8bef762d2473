import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LocalReflector } from 'local-reflector';
import type { Camera } from './camera.ts';

/** A gateway as you would install it: `rm-agent`, its configuration, and a folder with a file for each device. */
export interface Gateway {
  /** The folder of the devices, which the gateway watches. */
  readonly folder: string;
  /** Resolves when the device is connected. */
  connected(): Promise<void>;
  stop(): Promise<void>;
}

export function startGateway({ uri, device }: LocalReflector, camera: Camera): Gateway {
  const directory = mkdtempSync(join(tmpdir(), 'rm-gateway-'));
  const folder = join(directory, 'devices');
  mkdirSync(folder);
  const write = (file: string, content: object) =>
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });

  // What all devices share.
  const config = join(directory, 'rm-agent.json');
  write(config, {
    reflector: uri,
    gateway: { folder },
    control: join(directory, 'control.sock'),
    stateFile: join(directory, 'state'),
  });

  // One device: ports as users know them, and where they really are.
  write(join(folder, `${device.id}.json`), {
    device,
    target: '127.0.0.1',
    services: [
      { port: 80, targetPort: camera.httpPort },
      { port: 554, targetPort: camera.rtspPort, kind: 'tcp', name: 'RTSP' },
    ],
  });

  const agent = spawn(process.execPath, [agentProgram(), '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ready = connectedLine(agent);
  ready.catch(() => undefined);
  return {
    folder,
    connected: () => ready,
    stop: async () => {
      agent.kill('SIGTERM');
      if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function agentProgram(): string {
  const manifest = createRequire(import.meta.url).resolve('rm-agent/package.json');
  return join(dirname(manifest), 'dist/node/main.js');
}

async function connectedLine({ stderr }: ChildProcess): Promise<void> {
  if (!stderr) throw new TypeError('no standard error');
  const lines: string[] = [];
  const reader = createInterface({ input: stderr });
  await new Promise<void>((resolve, reject) => {
    reader.on('line', (line) => {
      lines.push(line);
      if (/connected to /.test(line)) resolve();
    });
    reader.on('close', () => reject(new Error(`the gateway ended: ${lines.join('\n')}`)));
  });
}
