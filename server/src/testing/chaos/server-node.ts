import type { Logger } from 'pino';
import { defaultLimits } from 'rm-reflector';
import { type OnlineDevice, StoreUnavailable } from 'rm-reflector/ports';
import { RelayDialer } from 'rm-reflector/relay';
import { RevocationWatcher } from '../../../../reflector-minimal/src/access/revocation-watcher.ts';
import { type Holder, isAffected, standingOf } from '../../../../reflector-minimal/src/access/standing.ts';
import { StoreCache } from '../../../../reflector-minimal/src/cache/store-cache.ts';
import { ServedPeers } from '../../../../reflector-minimal/src/relay/served-peers.ts';
import { Sessions } from '../../../../reflector-minimal/src/sessions/sessions.ts';
import type { NodeLimits } from '../../nodes/limits.ts';
import { type Node, startNode } from '../../nodes/node.ts';
import type { SharedMembership } from '../shared-membership.ts';
import type { SimulatedDatabase } from './database.ts';
import type { Machine } from './machine.ts';
import { membershipOf } from './membership.ts';
import { requestText, type TunnelMessage } from './messages.ts';
import { type Network, type WireEnd, WireSocket } from './network.ts';
import type { SimulatedTime } from './simulated-time.ts';
import { type DeviceRow, type Records, storeOf } from './store.ts';
import { SimulatedTunnel } from './tunnel.ts';
import type { Request, Standing, Verdict } from './verdict.ts';

export interface Surroundings {
  readonly time: SimulatedTime;
  readonly network: Network;
  readonly database: SimulatedDatabase;
  readonly shared: SharedMembership;
  readonly records: Records;
  readonly verdict: Verdict;
  readonly limits: NodeLimits;
  readonly outageMs: number;
}

/** Longer than any request may take that has an end: opening, a device that is lost, and a node that is. */
const mostRequestMs = 60_000;

/** What became of a request. */
export type Outcome = 'answered' | 'refused' | 'failed';

const port = 80;
const day = 86_400_000;

/** A process of `rm-server`: what decides, remembers and relays is the code of the server and the reflector. */
export class ServerNode {
  readonly machine: Machine;
  readonly name: string;
  readonly #around: Surroundings;
  readonly #store: ReturnType<typeof storeOf>;
  readonly #cache: StoreCache;
  readonly #sessions: Sessions;
  readonly #watcher: RevocationWatcher<Holder>;
  readonly #log: Logger;
  readonly #superseded: () => void;
  #node: Node<SimulatedTunnel> | null = null;
  /** Of devices that were announced, and that still can be used. */
  readonly #tunnels = new Set<SimulatedTunnel>();
  /** Requests whose answer has an end, with the simulated ms of their beginning. */
  readonly #underWay = new Map<Request, number>();

  /** `superseded`: called when the process has ended for that. */
  constructor(name: string, machine: Machine, around: Surroundings, superseded: () => void) {
    this.name = name;
    this.machine = machine;
    this.#around = around;
    this.#superseded = superseded;
    const { records, database, verdict, outageMs } = around;
    const { clock } = machine;
    this.#log = faultsOnly((what) => {
      if (!machine.isDead) verdict.fail(`${name} logged a fault at ${around.time.now}: ${what}`);
    });
    this.#store = storeOf(records, database, machine, outageMs);
    const store = this.#store as never;
    const limits = defaultLimits;
    this.#cache = new StoreCache(store, clock, limits);
    this.#sessions = new Sessions(
      { store, cache: this.#cache, clock, limits, later: () => {} },
      { absoluteMs: 90 * day, idleMs: 30 * day },
    );
    const sources = { cache: this.#cache, sessions: this.#sessions, store, rights: rights as never };
    this.#watcher = new RevocationWatcher<Holder>(
      this.#cache,
      clock,
      limits,
      { standingOf: (holder, now) => standingOf(sources, holder, now), isAffected },
      (error) => this.#failed(error),
    );
  }

  /** Rejects when it cannot start: the process has ended then. */
  async start(): Promise<void> {
    const { network, shared, database, limits, outageMs } = this.#around;
    const { machine, name } = this;
    const { clock } = machine;
    const log = this.#log;
    const common = { limits: defaultLimits, clock, log };
    this.#node = await startNode<SimulatedTunnel>({
      ...{ name, clock, limits, outageMs, log, address: machine.host },
      table: membershipOf(shared, database, machine),
      relay: (node) => ({
        dialer: new RelayDialer({
          ...{ ...common, node, tls: null },
          connect: ({ address }) => WireSocket.connect(network, machine, address, 'relay'),
        }),
        listen: async (tunnels) => {
          const peers = new ServedPeers({ ...common, node, tunnels, faulty: (error) => this.#failed(error) });
          network.listen(machine, 'relay', (wire) =>
            peers.serve(WireSocket.of(wire), {
              address: wire.machine.host,
              objection: () => null,
              greeted: () => {},
              refused: () => {},
            }),
          );
          return { close: async () => peers.end('this node stops') };
        },
      }),
      superseded: () => {
        machine.kill();
        this.#superseded();
      },
      end: (id) => this.presence?.local.get(id)?.close(),
      drain: () => {},
    });
    if (!machine.isDead) network.listen(machine, 'devices', (wire) => this.#device(wire));
  }

  /** Ends in order. */
  async close(): Promise<void> {
    for (const tunnel of [...(this.presence?.local.values() ?? [])]) tunnel.close();
    await this.presence?.close();
    this.machine.kill();
  }

  get presence(): Node<SimulatedTunnel>['presence'] | null {
    return this.#node?.presence ?? null;
  }

  /** A tunnel that is open, though another one has taken its place; `null`: there is none. */
  get stray(): SimulatedTunnel | null {
    for (const tunnel of this.#tunnels) if (this.presence?.local.get(tunnel.id) !== tunnel) return tunnel;
    return null;
  }

  /** Serves: it has started and runs. */
  get serves(): boolean {
    return this.#node !== null && this.machine.isRunning;
  }

  get standing(): Standing {
    const { time, database } = this.#around;
    const { host, runningSince } = this.machine;
    const usable = database.usableSince(host);
    const ableSince = usable === null ? null : Math.max(usable, runningSince);
    return { node: this.name, now: time.now, runningSince, ableSince };
  }

  /** A user logs in. Rejects with `StoreUnavailable`. */
  async logIn(name: string): Promise<{ readonly secret: string; readonly hash: Buffer } | null> {
    const user = await this.#store.users.get(name);
    const made =
      user && (await this.#sessions.create(user, { kind: 'own', address: '192.0.2.8', agent: '' }));
    return made && { secret: made.secret, hash: made.session.hash };
  }

  /** Whether a session still counts here. Rejects with `StoreUnavailable`. */
  async counts(secret: string): Promise<boolean> {
    return (await this.#sessions.find(secret, { kind: 'own' })) !== null;
  }

  /** Changes of an administrator: when they resolve, they are acknowledged. Reject with `StoreUnavailable`. */
  async endSession(hash: Buffer): Promise<boolean> {
    return this.#changed(await this.#store.sessions.remove(hash));
  }

  async revoke(user: string, domain: string): Promise<boolean> {
    return this.#changed(await this.#store.users.revoke(user, domain));
  }

  async replace(former: DeviceRow, device: DeviceRow): Promise<boolean> {
    return this.#changed(await this.#store.devices.replace(former, device));
  }

  /** Which device has an ID, as this node knows it. Rejects with `StoreUnavailable`. */
  async deviceUid(id: string): Promise<string | undefined> {
    return (await this.#cache.device(id))?.uid;
  }

  /** A request that has been under way for too long. */
  get hanging(): Request | null {
    const { now } = this.#around.time;
    const { runningSince } = this.machine;
    for (const [request, began] of this.#underWay)
      if (now - Math.max(began, runningSince) > mostRequestMs) return request;
    return null;
  }

  /** What a user asks of a device through this node, in the stages of `Forwarding`. */
  async request(number: number, secret: string, id: string, stream: boolean): Promise<Outcome> {
    const { verdict } = this.#around;
    const since = this.#watcher.revision;
    try {
      const session = await this.#sessions.find(secret, { kind: 'own' });
      const device = session && (await this.#cache.device(id));
      if (!session || !device || !session.user.domains.includes(device.domain)) return 'refused';
      const { uid, domain } = device;
      const online = this.presence?.locate({ id, uid });
      if (!online) return 'failed';
      const identity = {
        ...{ user: session.user, session, until: Number.POSITIVE_INFINITY },
        ...({ credential: 'session', by: 'session' } as const),
      };
      const holder: Holder = { kind: 'user', identity, device: { id, uid }, opened: { port, web: true } };
      const request = {
        ...{ number, uid, domain, user: session.user.name },
        session: session.hash.toString('hex'),
      };
      return await new Promise<Outcome>((resolve, reject) => {
        const begin = (now: number) => {
          verdict.admitted(request, this.standing);
          if (online.node !== null) verdict.seen.relayed++;
          this.#carry(request, online, holder, now, stream).then(resolve, reject);
        };
        Promise.resolve(this.#watcher.admit(holder, since, begin)).then((is) => {
          if (!is) resolve('refused');
        }, reject);
      });
    } catch (error) {
      if (error instanceof StoreUnavailable || (error as Error).name.startsWith('Tunnel')) return 'failed';
      throw error;
    }
  }

  async #carry(
    request: Request,
    online: OnlineDevice,
    holder: Holder,
    since: number,
    stream: boolean,
  ): Promise<Outcome> {
    const { verdict } = this.#around;
    const channel = online.open(port, request.user);
    let text = '';
    const release = this.#watcher.add({ holder, since, end: () => channel.destroy() });
    channel.on('data', (piece: Buffer) => {
      text += piece;
      verdict.answerCame(request, piece.toString(), this.standing);
    });
    channel.on('error', () => {});
    channel.end(requestText(request.number, stream));
    if (!stream) this.#underWay.set(request, this.#around.time.now);
    await new Promise<void>((resolve) => channel.once('close', () => resolve()));
    this.#underWay.delete(request);
    release();
    return text !== '' && channel.readableEnded ? 'answered' : 'failed';
  }

  async #changed(done: boolean): Promise<boolean> {
    await this.#watcher.check();
    return done;
  }

  /** A device has connected. */
  #device(wire: WireEnd): void {
    let tunnel: SimulatedTunnel | null = null;
    wire.follow({
      message: (message) => {
        const said = message as TunnelMessage;
        if (tunnel) tunnel.take(said);
        else if (said.kind === 'hello') {
          this.#admit(wire, said).then(
            (made) => {
              tunnel = made;
            },
            (error) => {
              if (!(error instanceof StoreUnavailable)) this.#failed(error);
              wire.send({ kind: 'refused' });
            },
          );
        }
      },
      closed: () => {
        wire.reset();
        tunnel?.close();
      },
    });
  }

  /** As `DeviceEndpoint` and `Connections` do it. */
  async #admit(
    wire: WireEnd,
    { id, password }: { readonly id: string; readonly password: string },
  ): Promise<SimulatedTunnel | null> {
    const { presence } = this;
    const { verdict } = this.#around;
    const since = this.#watcher.revision;
    const device = await this.#store.devices.credentials(id);
    if (!presence || device?.password !== password) {
      wire.send({ kind: 'refused' });
      return null;
    }
    const generation = await presence.nextGeneration();
    if (wire.isOver) return null;
    let over = false;
    let release = () => {};
    const tunnel: SimulatedTunnel = new SimulatedTunnel({ ...device, generation }, wire, this.machine.clock, {
      ended: () => {
        over = true;
        this.#tunnels.delete(tunnel);
        release();
        if (!presence.withdraw(tunnel)) verdict.seen.evictions++;
      },
      failed: (error) => this.#failed(error),
    });
    verdict.seen.tunnels++;
    wire.send({ kind: 'welcome' });
    release = this.#watcher.add({
      holder: { kind: 'device', device, certificate: null } as never,
      since,
      end: () => tunnel.close(),
      confirmed: () => {
        if (over) return;
        this.#tunnels.add(tunnel);
        presence.announce(tunnel);
      },
    });
    if (over) release();
    return tunnel;
  }

  #failed(error: unknown): void {
    this.#log.error({ err: error }, 'a fault');
  }
}

/** Users see the devices of their domains. */
const rights = {
  deviceAccess: ({ user }: { user: { domains: readonly string[] } }, { domain }: { domain: string }) =>
    user.domains.includes(domain) ? { ports: null, until: Number.POSITIVE_INFINITY } : null,
  validUntil: () => Number.POSITIVE_INFINITY,
};

/** A log that tells of faults of the program. */
function faultsOnly(told: (what: string) => void): Logger {
  const quiet = () => {};
  const error = (facts: unknown, text?: string) => {
    // Whoever operates it is to read this; it is no fault.
    if (typeof facts === 'string') return;
    const cause = (facts as { err?: Error }).err;
    told(`${text}: ${cause?.stack ?? cause}`);
  };
  return { info: quiet, warn: quiet, debug: quiet, error } as unknown as Logger;
}
