import { Namespaces } from './namespaces.ts';

/** The machines: three nodes, two databases, what users and devices come to, and two devices. */
export const machines = {
  a: '10.78.0.11',
  b: '10.78.0.12',
  c: '10.78.0.13',
  primary: '10.78.0.21',
  replica: '10.78.0.22',
  front: '10.78.0.30',
  'device-1': '10.78.0.41',
  'device-2': '10.78.0.42',
} as const;

export type MachineName = keyof typeof machines;
export type NodeName = 'a' | 'b' | 'c';

/** What moves with the database that takes changes. */
export const databaseAddress = '10.78.0.20';

const names = Object.keys(machines) as MachineName[];

/** Machines on one switch. Each way between two of them can be cut. */
export class ClusterLab {
  readonly #namespaces: Namespaces<MachineName>;

  private constructor(namespaces: Namespaces<MachineName>) {
    this.#namespaces = namespaces;
  }

  static async build(): Promise<ClusterLab> {
    const namespaces = await Namespaces.build(names);
    const lab = new ClusterLab(namespaces);
    namespaces.run(['ip', 'link', 'add', 'switch', 'type', 'bridge']);
    namespaces.run(['ip', 'link', 'set', 'switch', 'up']);
    for (const name of names) {
      const port = `at-${name}`;
      const ends = ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name];
      namespaces.run(['ip', ...ends]);
      namespaces.run(['ip', 'link', 'set', port, 'master', 'switch', 'up']);
      lab.sh(
        name,
        `ip addr add ${machines[name]}/24 dev eth0; ip link set eth0 up; ip link set lo up
         nft add table ip cut
         nft add chain ip cut in '{ type filter hook input priority 0; }'`,
      );
    }
    return lab;
  }

  in(name: MachineName): readonly string[] {
    return this.#namespaces.in(name);
  }

  sh(name: MachineName, line: string): void {
    this.#namespaces.sh(name, line);
  }

  /** Nothing that `from` sends gets to `to`, and nobody is told. */
  cut(from: MachineName, to: MachineName): void {
    this.sh(to, `nft add rule ip cut in ip saddr ${machines[from]} drop`);
  }

  /** Whatever was cut on the way to this machine is whole again. */
  mend(to: MachineName): void {
    this.sh(to, 'nft flush chain ip cut in');
  }

  mendAll(): void {
    for (const name of names) this.mend(name);
  }

  /** The address of the database is that of this machine. */
  moveDatabase(to: 'primary' | 'replica'): void {
    const from = to === 'primary' ? 'replica' : 'primary';
    this.sh(from, `ip addr del ${databaseAddress}/24 dev eth0 2>&1 || true`);
    this.sh(to, `ip addr add ${databaseAddress}/24 dev eth0`);
    // As what moves the address tells the switch and its neighbours.
    for (const node of ['a', 'b', 'c'] as const) this.sh(node, 'ip neigh flush all');
  }

  async destroy(): Promise<void> {
    await this.#namespaces.destroy();
  }
}
