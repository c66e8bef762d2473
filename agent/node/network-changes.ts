import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Cancellable, HostError } from '../src/host.ts';
import { toHostError } from './errors.ts';

/**
 * Runs `ip monitor` for as long as standard input is open, which it is until the agent is gone, whatever way it went:
 * `ip` itself would stay until it has something to say. The shell sleeps in `read`. Signals that are meant for the agent
 * (of a terminal, of a supervisor that knows the whole group) are left to it.
 */
const script = `
command -v ip >/dev/null || exit 127
trap '' HUP INT QUIT TERM
ip monitor link address route &
exec >&-
read -r end
kill -KILL $!
`;

/**
 * Node has no netlink sockets: `ip monitor` of iproute2 has one, and says something whenever something has changed. What
 * it says is not read; what the machine has is compared.
 */
export function onChange(changed: () => void, failed: (error: HostError) => void): Cancellable {
  let before = present();
  let over = false;
  const monitor = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // Nothing else of an environment that may hold secrets.
    env: { PATH: process.env.PATH },
  });
  const end = () => {
    over = true;
    monitor.stdin.destroy();
  };
  const fail = ({ code, message }: HostError) => {
    if (!over) failed({ code, message: `ip monitor: ${message}` });
    end();
  };
  monitor.on('error', (error: NodeJS.ErrnoException) => fail(toHostError(error)));
  monitor.stdin.on('error', () => undefined);
  // `ip` alone has the other end of it by then.
  monitor.stdout.on('end', () =>
    fail({ code: 'other', message: 'it has ended; is there an ip of iproute2?' }),
  );
  monitor.stdout.on('data', () => {
    const now = present();
    if (over || now === before) return;
    before = now;
    changed();
  });
  // A process that has nothing else to do may end.
  monitor.unref();
  for (const pipe of [monitor.stdin, monitor.stdout]) (pipe as unknown as { unref(): void }).unref();
  return { cancel: end };
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
