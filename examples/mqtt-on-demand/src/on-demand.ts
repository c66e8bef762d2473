import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LocalReflector, startLocalReflector } from 'local-reflector';

const agent = fileURLToPath(import.meta.resolve('rm-agent/package.json')).replace(
  'package.json',
  'dist/node/main.js',
);

/** A reflector, mosquitto, and a device that has no tunnel until a message asks for one. */
export interface OnDemand {
  readonly reflector: LocalReflector;
  /** Of the broker, on 127.0.0.1. */
  readonly brokerPort: number;
  /** What the topics of the device begin with. */
  readonly topic: string;
  stop(): Promise<void>;
}

/** `idle` is after how many seconds without a visitor the tunnel closes. */
export async function startOnDemand(idle = 60): Promise<OnDemand> {
  const reflector = await startLocalReflector('pump-7');
  const folder = mkdtempSync(join(tmpdir(), 'rm-mqtt-'));
  const page = createServer((_request, response) => response.end('You are on the device.\n'));
  await once(page.listen(0, '127.0.0.1'), 'listening');
  const { port: pagePort } = page.address() as AddressInfo;
  const brokerPort = await freePort();

  const brokerFile = join(folder, 'mosquitto.conf');
  writeFileSync(brokerFile, `listener ${brokerPort} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  const broker = spawn('mosquitto', ['-c', brokerFile], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await listening(brokerPort, broker);

  const configuration = join(folder, 'rm-agent.json');
  const { device } = reflector;
  writeFileSync(
    configuration,
    JSON.stringify({
      reflector: reflector.uri,
      device,
      services: [{ port: 80, targetPort: pagePort }],
      start: 'onDemand',
      onDemand: { idle },
      mqtt: { broker: `mqtt://127.0.0.1:${brokerPort}` },
      control: join(folder, 'rm-agent.sock'),
      stateFile: null,
    }),
    { mode: 0o600 },
  );
  const program = spawn(process.execPath, [agent, '--config', configuration], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });

  return {
    reflector,
    brokerPort,
    topic: `rm/${device.domain}/${device.id}`,
    stop: async () => {
      await ended(program);
      await ended(broker);
      page.close();
      await reflector.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  let failure: Error | null = null;
  child.on('error', (error) => {
    failure = error;
  });
  for (;;) {
    if (failure) throw failure;
    if (child.exitCode !== null) throw new Error(`mosquitto ended with status ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await setTimeout(50);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
