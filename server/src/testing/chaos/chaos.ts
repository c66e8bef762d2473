import { StoreUnavailable, type UserRecord } from 'rm-reflector/ports';
import { Random } from '../../../../protocol/src/testing/random.ts';
import { type NodeLimits, nodeLimits } from '../../nodes/limits.ts';
import { SharedMembership } from '../shared-membership.ts';
import { databaseHost, SimulatedDatabase } from './database.ts';
import { SimulatedDevice } from './device.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { ServerNode, type Surroundings } from './server-node.ts';
import { SimulatedTime } from './simulated-time.ts';
import { Records } from './store.ts';
import { Verdict } from './verdict.ts';

const hosts = ['a', 'b', 'c'] as const;
const users = ['alice', 'bob', 'carol'] as const;
/** Asks whether devices are reached; nobody revokes it. */
const prober = 'prober';
const domains = ['acme', 'beta'] as const;
const deviceCount = 5;

/** How long there are faults. */
const faultsMs = 60_000;
/**
 * How long after the last fault everything must be right again. A device notices a dead tunnel after 18 s and comes again within 3 s; a node
 * buries another one 16 s after its last sign of life; a call that hangs, hangs for 4 s.
 */
const recoveryMs = 60_000;
/** Longer than some faults last, and shorter than others. */
const outageMs = 8_000;
const hour = 3_600_000;
/** After this, no call of before hangs, and the lease was renewed. */
const ableMs = 8_000;
/** A batch, a reading at the other node, and their calls. */
const evictMs = 3_000;
/** The lease, for how long it must be seen to be over, and the calls. */
const buryMs = 25_000;

export interface ChaosReport {
  readonly seed: number;
  /** `null`: everything that is promised was kept. */
  readonly violation: string | null;
  readonly seen: Verdict['seen'];
  readonly faults: readonly string[];
  /** Ms from the end of the faults until each device was reached through each node. */
  readonly recoveredAfterMs: number | null;
  readonly events: number;
}

/** Runs three nodes, with all that happens to them decided by `seed`: the same seed is the same run. */
export async function chaos(seed: number): Promise<ChaosReport> {
  return new Chaos(seed).run();
}

interface OpenSession {
  readonly secret: string;
  readonly hash: Buffer;
  readonly user: string;
}

class Chaos {
  readonly #seed: number;
  readonly #random: Random;
  readonly #time = new SimulatedTime();
  readonly #network: Network;
  readonly #database: SimulatedDatabase;
  readonly #verdict = new Verdict(outageMs);
  readonly #records = new Records((what) => this.#verdict.revoked(what, this.#time.now));
  readonly #shared: SharedMembership;
  readonly #around: Surroundings;
  readonly #nodes = new Map<string, ServerNode>();
  readonly #devices = new Map<string, SimulatedDevice>();
  readonly #sessions: OpenSession[] = [];
  /** Acknowledged, and to be seen everywhere at the end. */
  readonly #endedSessions: OpenSession[] = [];
  readonly #faults: string[] = [];
  /** What ends the faults that last. */
  readonly #mends = new Set<() => void>();
  #isOver = false;
  #lastRequest = 0;
  #lastReplaced = 'd0';
  /** Devices that have got the ID of another one, by uid. */
  readonly #replaced = new Set<string>();
  #uids = 0;
  /** Since when a device has two tunnels, by id, and a host has no process. */
  readonly #twice = new Map<string, number>();
  readonly #deadSince = new Map<string, number>();
  /** How often the shared tables have forgotten rows. */
  #forgotten = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const random = new Random(seed);
    this.#random = random;
    const limits: NodeLimits = { ...nodeLimits };
    const time = this.#time;
    this.#network = new Network(time, random);
    this.#database = new SimulatedDatabase(time, this.#network, random);
    const databaseClock = random.integer(-12, 12) * hour;
    this.#shared = new SharedMembership(() => time.now + databaseClock, limits);
    this.#around = {
      time,
      network: this.#network,
      database: this.#database,
      shared: this.#shared,
      records: this.#records,
      verdict: this.#verdict,
      limits,
      outageMs,
    };
  }

  async run(): Promise<ChaosReport> {
    for (const name of [...users, prober]) this.#records.users.set(name, userOf(name));
    for (const host of hosts) this.#boot(host);
    for (let n = 0; n < deviceCount; n++) this.#addDevice(`d${n}`);
    await this.#time.pass(5_000);
    this.#repeat([100, 900], () => this.#ask());
    this.#repeat([3_000, 9_000], () => this.#administer());
    this.#repeat([1_500, 8_000], () => this.#breakSomething());
    this.#repeat([5_000, 5_000], () => this.#lookForHanging());
    this.#repeat([1_000, 1_000], () => this.#judgePresence());
    const isViolated = () => this.#verdict.violation !== null;
    await this.#time.pass(faultsMs, isViolated);
    this.#isOver = true;
    for (const mend of [...this.#mends]) mend();
    const mended = this.#time.now;
    let recoveredAfterMs: number | null = null;
    while (!isViolated() && recoveredAfterMs === null) {
      const missing = await this.#missing();
      if (missing === null) recoveredAfterMs = this.#time.now - mended;
      else if (this.#time.now > mended + recoveryMs)
        this.#verdict.fail(`${this.#time.now - mended} ms after the last fault: ${missing}`);
    }
    this.#lookForHanging();
    // What was acknowledged last is known everywhere after 2 s.
    await this.#time.pass(this.#time.now + 5_000, isViolated);
    if (!isViolated()) await this.#judgeEnd();
    for (const { machine } of this.#nodes.values()) machine.kill();
    for (const { machine } of this.#devices.values()) machine.kill();
    return {
      seed: this.#seed,
      violation: this.#verdict.violation,
      seen: this.#verdict.seen,
      faults: this.#faults,
      recoveredAfterMs,
      events: this.#time.events,
    };
  }

  // --- nodes and devices ---

  #boot(host: string): void {
    const machine = new Machine(host, this.#time, this.#random, this.#random.integer(-12, 12) * hour);
    const node: ServerNode = new ServerNode(host, machine, this.#around, () => {
      if (this.#nodes.get(host) === node) this.#bootLater(host, 1_000);
    });
    this.#nodes.set(host, node);
    node.start().catch((error) => {
      if (!(error instanceof StoreUnavailable)) this.#verdict.fail(`${host} did not start: ${error}`);
      machine.kill();
      if (this.#nodes.get(host) === node) this.#bootLater(host, 1_000);
    });
  }

  #bootLater(host: string, ms: number): void {
    const former = this.#nodes.get(host);
    this.#time.after(ms, () => {
      if (this.#nodes.get(host) === former) this.#boot(host);
    });
  }

  #addDevice(id: string): void {
    const uid = `${id}-${++this.#uids}`;
    const domain = this.#random.pick(domains);
    const row = { id, uid, domain, handedOver: false, password: `secret of ${uid}` };
    if (!this.#records.devices.has(id)) this.#records.devices.set(id, row);
    this.#startDevice(row);
  }

  #startDevice({ id, uid, password }: { id: string; uid: string; password: string }): void {
    const machine = new Machine(`at ${uid}`, this.#time, this.#random, 0);
    const device = new SimulatedDevice({ id, uid, password }, machine, {
      network: this.#network,
      random: this.#random,
      verdict: this.#verdict,
      hosts,
    });
    this.#devices.set(uid, device);
    device.start();
  }

  // --- what people do ---

  #repeat([from, to]: readonly [number, number], act: () => void): void {
    this.#time.after(this.#random.integer(from, to), () => {
      if (this.#isOver) return;
      act();
      this.#repeat([from, to], act);
    });
  }

  #anyNode(): ServerNode | null {
    const serving = [...this.#nodes.values()].filter(({ serves }) => serves);
    return serving.length > 0 ? this.#random.pick(serving) : null;
  }

  /** What the process does for somebody; what it cannot do just now is no fault. */
  #through(node: ServerNode, act: () => Promise<unknown>): void {
    node.machine.deliver(() => {
      act().catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable))
          this.#verdict.fail(`${node.name}: ${(error as Error).stack}`);
      });
    });
  }

  #ask(): void {
    const node = this.#anyNode();
    if (!node) return;
    const random = this.#random;
    if (this.#sessions.length === 0 || random.chance(0.1)) {
      const user = random.pick(users);
      this.#through(node, async () => {
        const made = await node.logIn(user);
        if (made) this.#sessions.push({ ...made, user });
      });
      return;
    }
    // Somebody whose session has ended tries again, and what has changed is asked for.
    const isEnded = this.#endedSessions.length > 0 && random.chance(0.3);
    const { secret } = random.pick(isEnded ? this.#endedSessions : this.#sessions);
    const id = random.chance(0.3) ? this.#lastReplaced : `d${random.integer(0, deviceCount - 1)}`;
    const stream = random.chance(0.3);
    this.#through(node, () => node.request(++this.#lastRequest, secret, id, stream));
  }

  #administer(): void {
    const node = this.#anyNode();
    if (!node) return;
    const random = this.#random;
    const kind = random.pick(['session', 'session', 'session', 'domain', 'device', 'disconnect']);
    if (kind === 'session' && this.#sessions.length > 0) {
      const session = random.pick(this.#sessions);
      this.#through(node, async () => {
        if (await node.endSession(session.hash)) this.#endedSessions.push(session);
      });
    } else if (kind === 'domain') {
      const [user, domain] = [random.pick(users), random.pick(domains)];
      this.#through(node, () => node.revoke(user, domain));
    } else if (kind === 'device') this.#replace(node, `d${random.integer(0, deviceCount - 1)}`);
    else if (kind === 'disconnect') {
      const key = random.pick([...this.#records.devices.values()]);
      const end = { cause: 'disconnected', reason: 'asked' } as const;
      this.#through(node, async () => {
        const generation = this.#shared.rows.get(key.id)?.generation ?? 0;
        if (await node.presence?.disconnect?.(key, end)) this.#watchEnd(key.id, generation);
      });
    }
  }

  /** From now on the tunnel must be gone wherever that can be known. */
  #watchEnd(id: string, generation: number): void {
    this.#verdict.seen.disconnected++;
    const asked = this.#time.now;
    const forgotten = this.#forgotten;
    for (let ms = 1_000; ms <= 20_000; ms += 1_000) {
      this.#time.after(ms, () => {
        // What was asked is in an unlogged table, and may be pruned with the row of a device of a node that was buried.
        if (this.#forgotten > forgotten) return;
        for (const node of this.#nodes.values()) {
          const tunnel = node.serves ? node.presence?.local.get(id) : null;
          if (tunnel && tunnel.generation <= generation)
            this.#verdict.lastsThoughEnded(tunnel.uid, asked, node.standing);
        }
      });
    }
  }

  /** Another device gets the ID of this one, which goes on trying. */
  #replace(node: ServerNode, id: string): void {
    const former = this.#records.devices.get(id);
    if (!former) return;
    const uid = `${id}-${++this.#uids}`;
    const row = { ...former, uid, password: `secret of ${uid}` };
    this.#through(node, () => node.replace(former, row));
    this.#startDevice(row);
    this.#lastReplaced = id;
    this.#replaced.add(uid);
    for (let n = 0; n < 20; n++) this.#time.after(this.#random.integer(0, 4_000), () => this.#ask());
  }

  // --- faults ---

  #breakSomething(): void {
    const random = this.#random;
    const faults = [
      ['kill', () => this.#kill(random.pick(hosts))],
      ['lose the host', () => this.#loseHost(random.pick(hosts))],
      ['stop', () => this.#stop(random.pick(hosts))],
      ['restart', () => this.#restart(random.pick(hosts))],
      ['cut nodes', () => this.#cutBetween(...this.#twoHosts())],
      ['cut nodes', () => this.#cutBetween(...this.#twoHosts())],
      ['cut from the database', () => this.#cutBetween(random.pick(hosts), databaseHost)],
      ['cut from the database', () => this.#cutBetween(random.pick(hosts), databaseHost)],
      ['cut a device', () => this.#cutBetween(random.pick(hosts), this.#anyDevice().machine.host)],
      ['fail over', () => this.#failOver()],
      ['prune', () => this.#prune()],
      ['roam', () => this.#anyDevice().roam()],
      ['roam', () => this.#anyDevice().roam()],
      ['leave', () => this.#anyDevice().leave()],
    ] as const;
    const [name, act] = random.pick(faults);
    this.#faults.push(`${this.#time.now}: ${name}`);
    act();
  }

  #twoHosts(): [string, string] {
    const one = this.#random.pick(hosts);
    return [one, this.#random.pick(hosts.filter((host) => host !== one))];
  }

  #anyDevice(): SimulatedDevice {
    return this.#random.pick([...this.#devices.values()]);
  }

  /** `mend` is called after this time, or when the faults end. */
  #mendAfter(ms: number, mend: () => void): void {
    const once = () => {
      if (this.#mends.delete(once)) mend();
    };
    this.#mends.add(once);
    this.#time.after(ms, once);
  }

  #kill(host: string): void {
    this.#nodes.get(host)?.machine.kill();
    this.#bootLater(host, this.#random.integer(200, 5_000));
  }

  #loseHost(host: string): void {
    const others = [databaseHost, ...hosts.filter((one) => one !== host)];
    for (const { machine } of this.#devices.values()) others.push(machine.host);
    const mends = others.flatMap((other) => [this.#network.cut(host, other), this.#network.cut(other, host)]);
    this.#nodes.get(host)?.machine.kill();
    this.#mendAfter(this.#random.integer(1_000, 45_000), () => {
      for (const mend of mends) mend();
      this.#bootLater(host, this.#random.integer(200, 3_000));
    });
  }

  /** A process that stands still, and perhaps another one that is started in its place. */
  #stop(host: string): void {
    const node = this.#nodes.get(host);
    node?.machine.stop();
    this.#mendAfter(this.#random.integer(500, 25_000), () => node?.machine.resume());
    if (!this.#random.chance(0.2)) return;
    this.#time.after(this.#random.integer(500, 15_000), () => {
      // Its successor ends the tunnels of a process that is resumed when the faults end: that would be one more fault.
      if (!this.#isOver && this.#nodes.get(host) === node) this.#boot(host);
    });
  }

  #restart(host: string): void {
    const node = this.#nodes.get(host);
    if (!node?.serves) return;
    this.#through(node, () => node.close());
    this.#bootLater(host, this.#random.integer(5_000, 8_000));
    // Whatever keeps it, systemd ends it.
    this.#time.after(4_900, () => node.machine.kill());
  }

  #cutBetween(one: string, other: string): void {
    const directions = this.#random.pick([
      [[one, other]],
      [[other, one]],
      [
        [one, other],
        [other, one],
      ],
    ] as [string, string][][]);
    const mends = directions.map(([from, to]) => this.#network.cut(from, to));
    this.#mendAfter(this.#random.integer(500, 35_000), () => {
      for (const mend of mends) mend();
    });
  }

  #prune(): void {
    this.#forgotten++;
    this.#shared.prune();
  }

  #failOver(): void {
    if (!this.#database.isUp) return;
    this.#database.down();
    this.#mendAfter(this.#random.integer(200, 8_000), () => {
      // The unlogged tables of a replica are empty; those of a primary that was restarted in order are not.
      if (this.#random.chance(0.7)) {
        this.#shared.crash();
        this.#forgotten++;
      }
      this.#database.up();
    });
  }

  // --- the end ---

  /** What a user cannot reach yet; `null`: nothing. Takes some time. */
  async #missing(): Promise<string | null> {
    const missing: string[] = [];
    let open = 0;
    for (const host of hosts) {
      const node = this.#nodes.get(host);
      if (!node?.serves) {
        missing.push(`${host} does not serve`);
        continue;
      }
      open++;
      this.#through(node, async () => {
        try {
          missing.push(...(await this.#probe(node)));
        } catch (error) {
          missing.push(`${host}: ${error}`);
          throw error;
        } finally {
          open--;
        }
      });
    }
    const end = this.#time.now + 15_000;
    await this.#time.pass(end, () => open === 0);
    if (open > 0) missing.push('a request gets no answer');
    const generations = this.#disagreement();
    if (generations) missing.push(generations);
    // Not the same moment for ever.
    await this.#time.pass(this.#time.now + 500);
    return missing[0] ?? null;
  }

  async #probe(node: ServerNode): Promise<string[]> {
    const made = await node.logIn(prober);
    if (!made) return [`nobody logs in at ${node.name}`];
    const { secret } = made;
    const outcomes = await Promise.all(
      [...this.#records.devices.values()].map(async ({ id, uid }) => {
        const known = await node.deviceUid(id);
        if (known !== uid) return `${node.name} takes ${known} for ${uid}`;
        const outcome = await node.request(++this.#lastRequest, secret, id, false);
        return outcome === 'answered' ? null : `${uid} is not reached through ${node.name}: ${outcome}`;
      }),
    );
    return outcomes.filter((outcome) => outcome !== null);
  }

  /** Of the nodes about where the devices are. */
  #disagreement(): string | null {
    for (const { id, uid } of this.#records.devices.values()) {
      const places = hosts.map((host) => {
        const found = this.#nodes.get(host)?.presence?.locate({ id, uid });
        return found && `${found.node ?? host} ${found.generation}`;
      });
      if (new Set(places).size > 1) return `${uid} is at ${places.join(', ')}`;
      const owners = hosts.filter((host) => this.#nodes.get(host)?.presence?.local.has(id));
      if (owners.length !== 1) return `${uid} has tunnels at ${owners.join(', ') || 'no node'}`;
    }
    return null;
  }

  /** What nodes that could ask the database for long enough say of the devices. */
  #judgePresence(): void {
    const { now } = this.#time;
    for (const { name, serves, stray } of this.#nodes.values())
      if (serves && stray) this.#verdict.fail(`${name} has left a tunnel of ${stray.uid} open at ${now}`);
    const able = [...this.#nodes.values()].filter(({ serves, standing }) => {
      const { ableSince } = standing;
      return serves && ableSince !== null && now - ableSince > ableMs;
    });
    for (const { id } of this.#records.devices.values()) {
      const owners = able.filter(({ presence }) => presence?.local.has(id)).map(({ name }) => name);
      const since = owners.length > 1 ? (this.#twice.get(id) ?? now) : null;
      if (since === null) this.#twice.delete(id);
      else this.#twice.set(id, since);
      if (since !== null && now - since > evictMs)
        this.#verdict.fail(`${id} has tunnels at ${owners} since ${since}`);
    }
    for (const host of hosts) {
      const isDead = this.#nodes.get(host)?.machine.isDead ?? false;
      if (!isDead) this.#deadSince.delete(host);
      else if (!this.#deadSince.has(host)) this.#deadSince.set(host, now);
    }
    for (const [host, since] of this.#deadSince) {
      const waited = [...able].filter(
        ({ standing }) => now - Math.max(since, standing.ableSince ?? now) > buryMs,
      );
      for (const { name, presence } of waited)
        for (const { id, uid } of this.#records.devices.values())
          if (presence?.locate({ id, uid })?.node === host)
            this.#verdict.fail(
              `${name} takes ${uid} for on line at ${host} at ${now}, which is dead since ${since}`,
            );
    }
  }

  #lookForHanging(): void {
    for (const node of this.#nodes.values()) {
      const request = node.serves ? node.hanging : null;
      if (request) this.#verdict.fail(`request ${request.number} to ${request.uid} hangs at ${node.name}`);
    }
  }

  async #judgeEnd(): Promise<void> {
    for (const host of hosts) {
      const node = this.#nodes.get(host) as ServerNode;
      let checked = false;
      this.#through(node, async () => {
        for (const { secret, user } of this.#endedSessions)
          if (await node.counts(secret)) this.#verdict.fail(`a session of ${user} has come back at ${host}`);
        checked = true;
      });
      await this.#time.pass(this.#time.now + 30_000, () => checked);
      if (!checked) this.#verdict.fail(`${host} does not say which sessions count`);
    }
    for (const { hash, user } of this.#endedSessions)
      if (this.#records.sessions.has(hash.toString('hex')))
        this.#verdict.fail(`the acknowledged end of a session of ${user} is lost`);
    const names = () => String([...this.#shared.members.values()].map(({ name }) => name).sort());
    await this.#time.pass(this.#time.now + buryMs, () => names() === String(hosts));
    if (names() !== String(hosts)) this.#verdict.fail(`the nodes are ${names()}`);
    this.#judgeEvents();
  }

  /**
   * The last word about a device is true. IDs that another device has got are left out, because the model of the shared tables knows who is
   * on line by ID.
   */
  #judgeEvents(): void {
    const last = new Map<string, string>();
    for (const { kind, uid } of this.#shared.events) last.set(uid, kind);
    for (const { uid } of this.#records.devices.values())
      if (last.get(uid) !== 'device.online' && !this.#replaced.has(uid))
        this.#verdict.fail(`${uid} is on line, and the events say otherwise`);
  }
}

function userOf(name: string): UserRecord {
  return {
    ...{ name, uid: `uid of ${name}`, password: `hash of ${name}`, totpSecret: null },
    ...{ created: 0, role: 'user', domains: [...domains] },
  };
}
