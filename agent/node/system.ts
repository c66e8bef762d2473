import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { arch, hostname, machine, release, type } from 'node:os';
import type { System } from '../src/host.ts';
import { build } from './build.ts';
import { notify } from './notify.ts';
import { Syslog } from './syslog.ts';

/** Hardware addresses of the network interfaces below `base`: eth0, then the others in the kernel's order, without loopback. */
export function hardwareAddresses(base: string): string[] {
  const read = (name: string, file: string) => readFileSync(`${base}/${name}/${file}`, 'utf8').trim();
  const found: { index: number; address: string }[] = [];
  for (const name of namesIn(base)) {
    try {
      found.push({
        // eth0 first, as the original has it: before it, there may be interfaces whose address is random.
        index: name === 'eth0' ? 0 : Number(read(name, 'ifindex')),
        address: read(name, 'address').replaceAll(':', ''),
      });
    } catch {
      // Not an interface (the bonding module has a file there), or one that has just gone.
    }
  }
  return found
    .filter(({ address }) => /^[0-9a-f]{12}$/.test(address) && !/^0+$/.test(address))
    .sort((a, b) => a.index - b.index)
    .map(({ address }) => address);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Writes all of it, even to a pipe that is full and does not block. */
function printAll(stream: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(stream, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const log = new Syslog((line) => printAll(2, `${line}\n`));

export const system: System = {
  arguments: process.argv.slice(2),
  environment: (name) => process.env[name],
  hostName: hostname,
  nodeId: () => hardwareAddresses('/sys/class/net')[0] ?? '000000000000',
  platform: () => `${type()}/${release()}; ${machine() || arch()}`,
  build: build(process),
  onSignal: (signal, run) => {
    process.removeAllListeners(signal);
    process.on(signal, run);
  },
  print: printAll,
  syslog: (severity, text) => log.write(severity, text),
  notify: (state) => notify(state, process.env),
  residentMemory: () => process.memoryUsage.rss(),
  limitMemory: () => undefined,
  exit: (status) => {
    log.flush();
    process.exit(status);
  },
};
