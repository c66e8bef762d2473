import { readdirSync, readFileSync } from 'node:fs';
import { arch, hostname, machine, release, type } from 'node:os';
import type { System } from '../src/host.ts';
import { build } from './build.ts';
import { notify } from './notify.ts';
import { StandardError, writeAll } from './standard-streams.ts';
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

const standardError = new StandardError();

function print(stream: 1 | 2, text: string): void {
  if (stream === 2) standardError.write(text);
  else writeAll(1, text);
}

const log = new Syslog((line) => print(2, `${line}\n`));

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
  print,
  syslog: (severity, text) => log.write(severity, text),
  notify: (state) => notify(state, process.env),
  residentMemory: () => process.memoryUsage.rss(),
  limitMemory: () => undefined,
  exit: (status) => {
    log.flush();
    process.exit(status);
  },
};
