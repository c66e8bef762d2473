import { Namespaces } from './namespaces.ts';

const places = ['device', 'router', 'internet'] as const;
/** The three machines of the lab. */
export type Place = (typeof places)[number];

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

/** A device behind a router that translates addresses, and the internet beyond it. */
export class Lab {
  readonly #namespaces: Namespaces<Place>;

  private constructor(namespaces: Namespaces<Place>) {
    this.#namespaces = namespaces;
  }

  static async build(): Promise<Lab> {
    const namespaces = await Namespaces.build(places);
    // One program for all of it, so that labs beside each other in one process do not wait for each other.
    await namespaces.runAside(
      `${link('device', 'eth0', addresses.device, 'router', 'inside', addresses.routerInside)}
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
    );
    return new Lab(namespaces);
  }

  /** Words to put before a command that is to run in this place. */
  in(place: Place): readonly string[] {
    return this.#namespaces.in(place);
  }

  /** Runs a line of shell in this place; throws with what it said when it fails. */
  sh(place: Place, line: string): void {
    this.#namespaces.sh(place, line);
  }

  /** Puts another file over one of this machine, for the lab alone. */
  cover(path: string, content: string): void {
    const file = `/run/${path.replaceAll('/', '-')}`;
    this.#namespaces.run([
      'sh',
      '-e',
      '-c',
      'printf %s "$1" > "$2"; mount --bind "$2" "$3"',
      'sh',
      content,
      file,
      path,
    ]);
  }

  setDefaultRoute(): void {
    this.sh('device', `ip ${defaultRoute}`);
  }

  destroy(): Promise<void> {
    return this.#namespaces.destroy();
  }
}
