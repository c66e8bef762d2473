import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Cancellable, HostError } from '../host.ts';
import { toHostError } from './errors.ts';

/**
 * Node has no netlink sockets: `ip monitor` of iproute2 has one, and says something whenever something has changed. What
 * it says is not read; what the machine has is compared. It ends with the agent; when the agent was killed, with the
 * next thing that it has to say.
 */
export function onChange(changed: () => void, failed: (error: HostError) => void): Cancellable {
  let before = present();
  let over = false;
  const monitor = spawn('ip', ['monitor', 'link', 'address', 'route'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const fail = (error: HostError) => {
    if (!over) failed(error);
    over = true;
  };
  monitor.on('error', (error: NodeJS.ErrnoException) => {
    const { code, message } = toHostError(error);
    fail({ code, message: `ip monitor: ${message}` });
  });
  monitor.on('exit', () => fail({ code: 'other', message: 'ip monitor: it has ended; is this iproute2?' }));
  monitor.stdout.on('data', () => {
    const now = present();
    if (over || now === before) return;
    before = now;
    changed();
  });
  // A process that has nothing else to do may end.
  monitor.unref();
  (monitor.stdout as unknown as { unref(): void }).unref();
  return {
    cancel: () => {
      over = true;
      // Of a process that could not be started Node sends the signal to our own process group.
      if (monitor.pid !== undefined) monitor.kill();
    },
  };
}

/** The addresses that others can reach, on links that are up, and the default routes. */
function present(): string {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => `${name} ${address}`),
  );
  return [...addresses.sort(), ...defaultRoutes()].join('\n');
}

function defaultRoutes(): string[] {
  const lines = (path: string) => {
    try {
      return readFileSync(path, 'utf8').split('\n');
    } catch {
      return [];
    }
  };
  // Columns that count uses are left out.
  const four = lines('/proc/net/route')
    .map((line) => line.split('\t'))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .map(([name, , gateway, flags, , , metric]) => `${name} ${gateway} ${flags} ${metric}`);
  const six = lines('/proc/net/ipv6_route')
    .map((line) => line.split(/ +/))
    .filter(([, length, , , , , , , , name]) => length === '00' && name !== 'lo')
    .map(([, , , , gateway, metric, , , , name]) => `${name} ${gateway} ${metric}`);
  return [...four, ...six].sort();
}
