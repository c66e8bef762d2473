import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { gone } from '../system/end-process.ts';

/** The three machines of the lab. */
export type Place = 'device' | 'router' | 'internet';

export const addresses = {
  device: '10.77.1.2',
  /** What the device has after a change of its address. */
  deviceLater: '10.77.1.3',
  routerInside: '10.77.1.1',
  routerOutside: '10.77.2.1',
  internet: '10.77.2.2',
} as const;

/** Of the device. */
const defaultRoute = `route replace default via ${addresses.routerInside}`;

/** Commands that connect two places. */
function link(a: Place, linkA: string, addressA: string, b: Place, linkB: string, addressB: string): string {
  return `ip link add ${linkA} netns ${a} type veth peer name ${linkB} netns ${b}
    ip -n ${a} addr add ${addressA}/24 dev ${linkA}
    ip -n ${b} addr add ${addressB}/24 dev ${linkB}
    ip -n ${a} link set ${linkA} up
    ip -n ${b} link set ${linkB} up
    ip -n ${a} link set lo up
    ip -n ${b} link set lo up`;
}

const execute = promisify(execFile);

/**
 * Network namespaces of our own: a device behind a router that translates addresses, and the internet beyond it. They
 * are inside one namespace more, whose only process is ours, so that all of it is gone with that process. Nothing in it
 * reaches the networks of this machine.
 */
export class Lab {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async build(): Promise<Lab> {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const script = 'mount -t tmpfs none /run && mkdir /run/netns && echo ready && exec cat';
    const holder = spawn('unshare', [...user, '--mount', '--net', 'sh', '-c', script], {
      // It ends when this process does, whatever way that goes.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let errors = '';
    holder.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ready = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      once(holder, 'close').then(() => false),
    ]);
    if (!ready) throw new Error(`network namespaces cannot be made here: ${errors.trim()}`);
    const lab = new Lab(holder);
    // One program for all of it, so that labs beside each other in one process do not wait for each other.
    await lab.#runAside([
      'sh',
      '-e',
      '-c',
      `ip netns add device
       ip netns add router
       ip netns add internet
       ${link('device', 'eth0', addresses.device, 'router', 'inside', addresses.routerInside)}
       ${link('internet', 'eth0', addresses.internet, 'router', 'outside', addresses.routerOutside)}
       ip -n device ${defaultRoute}
       ip netns exec router sh -e -c '
         sysctl -q -w net.ipv4.ip_forward=1
         # As home routers and mobile networks do it: addresses are translated, and a packet in the middle of a connection
         # that the router does not know is dropped without a word.
         nft add table ip nat
         nft add chain ip nat post "{ type nat hook postrouting priority 100; }"
         nft add rule ip nat post oifname outside masquerade
         nft add table ip filter
         nft add chain ip filter forward "{ type filter hook forward priority 0; }"
         nft add rule ip filter forward ct state invalid drop
         nft add rule ip filter forward tcp flags "& (syn|ack) != syn" ct state new drop
         sysctl -q -w net.netfilter.nf_conntrack_tcp_loose=0'`,
    ]);
    return lab;
  }

  /** Words to put before a command that is to run in this place. */
  in(place: Place): readonly string[] {
    return [...this.#enter(), 'ip', 'netns', 'exec', place];
  }

  /** Runs a line of shell in this place; throws with what it said when it fails. */
  sh(place: Place, line: string): void {
    this.#run(['ip', 'netns', 'exec', place, 'sh', '-e', '-c', line]);
  }

  /** Puts another file over one of this machine, for the lab alone. */
  cover(path: string, content: string): void {
    const file = `/run/${path.replaceAll('/', '-')}`;
    this.#run(['sh', '-e', '-c', 'printf %s "$1" > "$2"; mount --bind "$2" "$3"', 'sh', content, file, path]);
  }

  setDefaultRoute(): void {
    this.sh('device', `ip ${defaultRoute}`);
  }

  async destroy(): Promise<void> {
    this.#holder.stdin?.end();
    await gone(this.#holder);
  }

  #enter(): readonly string[] {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    const target = ['--target', String(this.#holder.pid), `--wd=${process.cwd()}`];
    return ['nsenter', ...target, ...user, '--mount', '--net', '--'];
  }

  /** As {@link #run}, and this process goes on meanwhile. */
  async #runAside(command: readonly string[]): Promise<void> {
    const [program = '', ...args] = [...this.#enter(), ...command];
    await execute(program, args);
  }

  #run(command: readonly string[]): void {
    const [program = '', ...args] = [...this.#enter(), ...command];
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? stderr.trim()}`);
  }
}
