#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { startDemoDevice } from './server.ts';

const usage = `demo-device - the web application of a simulated pump

Usage: demo-device [--port PORT] [--host ADDRESS]

  --port PORT     port to listen on (default 8081, 0: any free one)
  --host ADDRESS  address to listen on (default 127.0.0.1)
  --help          print this
`;

function fail(message: string, status: number): never {
  process.stderr.write(`demo-device: ${message}\n`);
  process.exit(status);
}

function options(): { port: number; host: string; help: boolean } {
  try {
    const { values } = parseArgs({
      options: { port: { type: 'string' }, host: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    const { port = '8081', host = '127.0.0.1', help = false } = values;
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new Error(`--port ${port}: allowed is 0 to 65535`);
    return { port: Number(port), host, help };
  } catch (error) {
    return fail(`${(error as Error).message} (see --help)`, 64);
  }
}

const { port, host, help } = options();
if (help) {
  process.stdout.write(usage);
} else {
  const device = await startDemoDevice({ port, host }).catch((error: Error) => fail(error.message, 69));
  process.stdout.write(`demo-device: http://${host.includes(':') ? `[${host}]` : host}:${device.port}/\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void device.close());
}
