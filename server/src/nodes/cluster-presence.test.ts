import { pino } from 'pino';
import type { OnlineDevice } from 'rm-reflector/ports';
import { StoreUnavailable } from 'rm-reflector/ports';
import { FakeTunnel, presenceConformance } from 'rm-reflector/ports/conformance';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { SharedConnection, SharedMembership } from '../testing/shared-membership.ts';
import { ClusterPresence, type Peer, type Place, type RelayTarget } from './cluster-presence.ts';
import { Lease } from './lease.ts';
import { type NodeLimits, nodeLimits } from './limits.ts';

interface Dialled {
  readonly peer: Peer;
  readonly target: RelayTarget;
  readonly port: number;
  readonly user: string | undefined;
  relocate(): Promise<Place | null>;
}

/** One node of a test. */
class TestNode {
  readonly lease: Lease;
  readonly presence: ClusterPresence<FakeTunnel>;
  readonly dialled: Dialled[] = [];
  readonly told: string[] = [];
  readonly connection: SharedConnection;
  readonly lines: string[] = [];
  readonly forgotten: string[] = [];
  readonly ended: string[] = [];
  onEnd = (): void => {};

  constructor(name: string, shared: SharedMembership, clock: ManualClock, limits: NodeLimits) {
    this.connection = shared.connect();
    const log = pino({}, { write: (line: string) => void this.lines.push(JSON.parse(line).msg) });
    const common = { clock, limits, log, table: this.connection };
    this.lease = new Lease({
      ...common,
      name,
      address: `${name}.test:7000`,
      lapsed: () => this.presence.tellAgain(),
      superseded: () => this.presence.evictAll(),
    });
    this.presence = new ClusterPresence({
      ...common,
      lease: this.lease,
      outageMs: 60_000,
      dialer: {
        open: (peer, target, port, { user, relocate }) => {
          this.dialled.push({ peer, target, port, user, relocate });
          return null as never;
        },
        forget: ({ name, epoch }) => this.forgotten.push(`${name} ${epoch}`),
      },
      end: (id, { reason }) => {
        this.ended.push(`${id}: ${reason}`);
        this.onEnd();
      },
    });
    const tell = (kind: string) => (device: OnlineDevice) =>
      this.told.push(`${kind} ${device.id} at ${device.node ?? 'here'}`);
    this.presence.watch({ came: tell('came'), went: tell('went') });
  }

  async start(): Promise<this> {
    await this.lease.join();
    await this.presence.start();
    return this;
  }

  async tunnel(id = 'a', uid = '1'): Promise<FakeTunnel> {
    const tunnel = new FakeTunnel({ id, uid }, await this.presence.nextGeneration());
    this.presence.announce(tunnel);
    return tunnel;
  }
}

describe('of nodes that share a database', () => {
  let clock: ManualClock;
  let databaseClock: { offset: number };
  let shared: SharedMembership;
  let limits: NodeLimits;
  let nodes: TestNode[];
  beforeEach(() => {
    clock = new ManualClock();
    databaseClock = { offset: -7_200_000 };
    limits = { ...nodeLimits };
    shared = new SharedMembership(() => clock.now() + databaseClock.offset, limits);
    nodes = [];
  });
  afterEach(async () => {
    for (const { presence, lease } of nodes) {
      await presence.stop();
      await lease.stop({ leave: false });
    }
    expect(clock.pending).toBe(0);
  });

  const start = (name: string): Promise<TestNode> => {
    const node = new TestNode(name, shared, clock, limits);
    nodes.push(node);
    return node.start();
  };
  /** In steps, after each of which all that follows from it has happened. */
  const pass = async (ms: number, step = 25) => {
    for (let passed = 0; passed < ms; passed += step) {
      clock.advance(Math.min(step, ms - passed));
      for (let turn = 0; turn < 40; turn++) await Promise.resolve();
    }
  };
  const device = { id: 'a', uid: '1' };

  presenceConformance(async () => (await start('one')).presence);

  test('readMs, batchMs: a device is found at each of them within 2,000 ms, and so is that it has gone', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    await pass(2_000);
    const found = two.presence.locate(device);
    expect(found).toMatchObject({
      ...device,
      node: 'one',
      generation: tunnel.generation,
      address: '192.0.2.7',
    });
    expect(Object.getPrototypeOf(found?.properties)).toBeNull();
    expect(two.presence.locate(device)).toBe(found);
    expect(two.presence.locate({ id: 'a', uid: '2' })).toBeNull();
    expect(two.presence.list('', 10)).toEqual([found]);
    one.presence.withdraw(tunnel);
    await pass(2_000);
    expect([two.presence.locate(device), two.presence.list('', 10)]).toEqual([null, []]);
    expect(two.told).toEqual(['came a at one', 'went a at one']);
  });

  test('hintMs: a hint makes it known soon, at most so often, and without one it is known all the same', async () => {
    const [one, two] = [await start('one'), await start('two')];
    let readings = 0;
    const { read } = SharedConnection.prototype;
    two.connection.read = (position) => {
      readings++;
      return read.call(two.connection, position);
    };
    shared.givesHints = true;
    const tunnel = await one.tunnel();
    await pass(limits.batchMs + limits.hintMs + 25);
    expect(two.presence.locate(device)).not.toBeNull();
    expect(await two.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' })).toBe(true);
    await pass(limits.hintMs + 25);
    expect(one.ended).toEqual(['a: asked']);
    one.presence.withdraw(tunnel);
    await pass(limits.batchMs + limits.hintMs + 25);
    expect(two.presence.locate(device)).toBeNull();
    // Its own news are none, and many hints are one reading.
    readings = 0;
    for (let n = 0; n < 40; n++) for (const heard of shared.listeners) heard(one.lease.epoch);
    await two.tunnel('b', '2');
    await pass(limits.readMs - 100);
    expect(readings).toBe(1);
    // A hint while it reads makes it read again, soon.
    for (const heard of shared.listeners) heard(null);
    two.connection.read = async (position) => {
      const reading = await read.call(two.connection, position);
      if (++readings === 2) for (const heard of shared.listeners) heard(one.lease.epoch);
      return reading;
    };
    await pass(2 * limits.hintMs + 50);
    expect(readings).toBe(3);
    shared.givesHints = false;
    await one.tunnel();
    await pass(2_000);
    expect(two.presence.locate(device)).not.toBeNull();
  });

  test('what a device says of itself is known at the others, in the same object', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    await pass(2_000);
    const found = two.presence.locate(device);
    const before = found?.properties;
    tunnel.properties = Object.assign(Object.create(null), { name: 'valve', ['__proto__']: 'x' });
    await pass(3_000);
    expect(two.presence.locate(device)).toBe(found);
    expect(found?.properties).not.toBe(before);
    expect(found?.properties).toEqual(tunnel.properties);
    expect(shared.events).toHaveLength(1);
  });

  test('the highest generation wins over all of them, and the loser is evicted once', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const old = await one.tunnel();
    await pass(500);
    const young = await two.tunnel();
    await pass(2_000);
    expect([old.evictions, young.evictions]).toEqual([1, 0]);
    expect(one.presence.withdraw(old)).toBe(false);
    expect([one.presence.locate(device)?.node, two.presence.locate(device)]).toEqual(['two', young]);
    expect(one.told).toEqual(['came a at here', 'came a at two']);
    expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online', 'device.online']);
  });

  test('a lower generation that comes late at another node loses, whether that node knows of it yet or not', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const late = new FakeTunnel(device, await one.presence.nextGeneration());
    await two.tunnel();
    await pass(80);
    expect(one.presence.announce(late)).toBe(true);
    await pass(2_000);
    expect([late.evictions, one.presence.locate(device)?.node]).toEqual([1, 'two']);
    const later = new FakeTunnel(device, late.generation);
    expect([one.presence.announce(later), later.evictions]).toEqual([false, 1]);
    expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online']);
  });

  test('one whose successor has come and gone elsewhere is evicted too', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const old = await one.tunnel();
    const young = await two.tunnel();
    await pass(200);
    two.presence.withdraw(young);
    await pass(2_000);
    expect([old.evictions, one.presence.locate(device), two.presence.locate(device)]).toEqual([
      1,
      null,
      null,
    ]);
  });

  test('the node of a device is asked to end its tunnel, and does so once', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    await pass(2_000);
    expect(await one.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' })).toBe(false);
    expect(await two.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' })).toBe(true);
    await pass(3_000);
    expect([one.ended, two.ended]).toEqual([['a: asked'], []]);
    one.presence.withdraw(tunnel);
    await pass(100);
    expect(await two.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' })).toBe(false);
  });

  test('a node that was buried before it could know ends the tunnel when it comes back', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    await pass(2_000);
    one.connection.broken = 'away';
    await two.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' });
    await pass(20_000);
    expect([one.ended, two.presence.locate(device)]).toEqual([[], null]);
    one.onEnd = () => one.presence.withdraw(tunnel);
    one.connection.broken = 'no';
    await pass(5_000);
    expect([one.ended, one.presence.local.size, two.presence.locate(device)]).toEqual([
      ['a: asked'],
      0,
      null,
    ]);
  });

  test('endMs: that a tunnel has ended is said once it is known, and never of a node that cannot be asked', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const disconnect = () =>
      two.presence.disconnect(device, { cause: 'disconnected', reason: 'asked' }, { untilEnded: true });
    const tunnel = await one.tunnel();
    await pass(2_000);
    const said: string[] = [];
    void disconnect().then((has) => said.push(String(has)));
    await pass(2_000);
    expect([one.ended, said]).toEqual([['a: asked'], []]);
    one.presence.withdraw(tunnel);
    await pass(2_000);
    expect(said).toEqual(['true']);
    await one.tunnel();
    await pass(2_000);
    one.connection.broken = 'away';
    void disconnect().catch((error: StoreUnavailable) => said.push(error.message));
    await pass(limits.endMs + 25);
    expect(said.slice(1)).toEqual([
      'the node "one" cannot be used: it has not said that it has ended a tunnel',
    ]);
    // Its own end keeps nobody waiting.
    void disconnect().catch((error: StoreUnavailable) => said.push(error.message));
    await pass(100);
    await two.presence.stop();
    await pass(100);
    expect(said).toHaveLength(3);
  });

  test('batchRows, readRows: many that come at once are told in bounded batches, and read in pages', async () => {
    Object.assign(limits, { batchRows: 5, readRows: 3 });
    const [one, two] = [await start('one'), await start('two')];
    for (let n = 10; n < 30; n++) await one.tunnel(`d${n}`, `${n}`);
    await pass(3_000);
    expect(shared.told).toEqual([5, 5, 5, 5]);
    expect(two.presence.list('', 100)).toHaveLength(20);
  });

  test('batchBytes: what devices say of themselves in one batch is bounded', async () => {
    Object.assign(limits, { batchBytes: 1_000 });
    const one = await start('one');
    for (let n = 0; n < 5; n++) {
      const tunnel = new FakeTunnel({ id: `d${n}`, uid: `${n}` }, await one.presence.nextGeneration());
      tunnel.properties = { text: 'x'.repeat(600) };
      one.presence.announce(tunnel);
    }
    await pass(1_000);
    expect(shared.told).toEqual([2, 2, 1]);
  });

  test('a device that cannot be told keeps no other from being told', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tell = one.connection.tell.bind(one.connection);
    one.connection.tell = async (epoch, changes) => {
      if (changes.some(({ id }) => id === 'd2')) throw new TypeError('no text');
      return tell(epoch, changes);
    };
    for (let n = 0; n < 5; n++) await one.tunnel(`d${n}`, `${n}`);
    await pass(3_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['d0', 'd1', 'd3', 'd4']);
    expect([one.presence.untold, one.lines]).toEqual([0, ['presence not told']]);
    await one.tunnel('e0', '10');
    await one.tunnel('e1', '11');
    await pass(2_000);
    expect(shared.told.at(-1)).toBe(2);
  });

  test('that a device has gone is told until it is, and keeps no other from being told', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tell = one.connection.tell.bind(one.connection);
    let isRefused = true;
    one.connection.tell = async (epoch, changes) => {
      if (isRefused && changes.some(({ id, gone }) => id === 'a' && gone)) throw new TypeError('no text');
      return tell(epoch, changes);
    };
    const [gone, other] = [await one.tunnel(), await one.tunnel('b', '2')];
    await pass(2_000);
    for (const tunnel of [gone, other]) one.presence.withdraw(tunnel);
    await one.tunnel('c', '3');
    await pass(5_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['a', 'c']);
    expect([one.presence.untold, one.lines]).toEqual([1, ['presence not told']]);
    isRefused = false;
    await pass(3_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['c']);
    isRefused = true;
    one.presence.withdraw(await one.tunnel());
    await pass(100);
    expect(await one.presence.stop()).toBe(false);
  });

  test('a tunnel whose eviction fails costs nothing but itself', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const fail = (tunnel: FakeTunnel) => {
      tunnel.evict = () => {
        throw new Error('a fault');
      };
      return tunnel;
    };
    const former = fail(await one.tunnel());
    const present = fail(await one.tunnel());
    expect(one.presence.locate(device)).toBe(present);
    expect(one.presence.announce(former)).toBe(false);
    await one.tunnel('b', '2');
    one.presence.evictAll();
    expect(one.presence.local.size).toBe(0);
    expect(two.presence.list('', 10)).toEqual([]);
  });

  test('a row of a node that is not there any more is no device without a node', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const { read } = SharedConnection.prototype;
    two.connection.read = async (position) => {
      const reading = await read.call(two.connection, position);
      return { ...reading, nodes: reading.nodes.filter(({ name }) => name !== 'one') };
    };
    await one.tunnel();
    await pass(2_000);
    expect(two.presence.list('', 10)).toEqual([]);
    expect(two.told).toEqual([]);
  });

  test('one that has gone before it was told has both events all the same', async () => {
    const [one, two] = [await start('one'), await start('two')];
    one.presence.withdraw(await one.tunnel());
    await pass(1_000);
    expect([one.presence.untold, shared.onLine.size]).toEqual([0, 0]);
    expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online', 'device.offline']);
    // Also while it is being told, and when nobody knows whether that was done.
    one.connection.broken = 'answer';
    one.connection.lost = 1;
    const tunnel = await one.tunnel('b', '2').catch(() => one.tunnel('b', '2'));
    one.connection.lost = 2;
    await pass(limits.batchMs);
    one.presence.withdraw(tunnel);
    await pass(5_000);
    expect(shared.events.slice(2).map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'device.online b',
      'device.offline b',
    ]);
    expect(two.presence.list('', 10)).toEqual([]);
  });

  test('one that has come from another node, and gone before it was told, leaves no former tunnel there', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const former = await two.tunnel();
    await pass(2_000);
    one.presence.withdraw(await one.tunnel());
    await pass(2_000);
    expect([former.evictions, one.presence.locate(device), two.presence.locate(device)]).toEqual([
      1,
      null,
      null,
    ]);
    expect(shared.events.map(({ kind }) => kind)).toEqual([
      'device.online',
      'device.online',
      'device.offline',
    ]);
  });

  test('channels go to the node of the device, which is asked for anew if it is elsewhere', async () => {
    const [one, two, three] = [await start('one'), await start('two'), await start('three')];
    const { generation } = await one.tunnel();
    await pass(2_000);
    two.presence.locate(device)?.open(80, 'alice');
    const [dialled] = two.dialled;
    expect(dialled).toMatchObject({
      peer: { name: 'one', epoch: one.lease.epoch, address: 'one.test:7000' },
      target: { ...device, generation },
      port: 80,
      user: 'alice',
    });
    expect(await dialled?.relocate()).toBeNull();
    const moved = await three.tunnel();
    await pass(100);
    expect(await dialled?.relocate()).toEqual({
      peer: { name: 'three', epoch: three.lease.epoch, address: 'three.test:7000' },
      target: { ...device, generation: moved.generation },
    });
    two.connection.broken = 'away';
    expect(await dialled?.relocate()).toBeNull();
  });

  test('the devices of a node that has died are noted off line, each once, and never those of a living one', async () => {
    limits = { ...limits, batchRows: 3 };
    shared = new SharedMembership(() => clock.now() + databaseClock.offset, limits);
    const [one, two, three] = [await start('one'), await start('two'), await start('three')];
    for (let n = 0; n < 7; n++) await one.tunnel(`d${n}`, `${n}`);
    await two.tunnel('living', '100');
    await pass(2_000);
    one.connection.broken = 'away';
    await pass(limits.leaseMs + limits.buryMs + 4_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['living']);
    expect(three.told.filter((line) => line.startsWith('went'))).toHaveLength(7);
    expect(shared.events.filter(({ kind }) => kind === 'device.offline')).toHaveLength(7);
    expect(three.forgotten).toEqual([`one ${one.lease.epoch}`]);
    expect([...shared.onLine]).toEqual(['living']);
  });

  test('readRows: what is pruned between two pages of a reading has gone all the same', async () => {
    limits = { ...limits, readRows: 2 };
    shared = new SharedMembership(() => clock.now() + databaseClock.offset, limits);
    const [one, two] = [await start('one'), await start('two')];
    for (const id of ['a', 'b', 'c', 'd', 'e']) await one.tunnel(id, id);
    await pass(3_000);
    expect(two.presence.list('', 10)).toHaveLength(5);
    two.connection.broken = 'away';
    for (const tunnel of [...one.presence.local.values()]) one.presence.withdraw(tunnel);
    await pass(1_000);
    const { read } = SharedConnection.prototype;
    const later = { id: 'f', uid: 'f', generation: 100, gone: false, again: false } as const;
    const said = { address: '192.0.2.7', visitorKey: undefined, properties: {} };
    two.connection.read = async (position) => {
      const page = await read.call(two.connection, position);
      shared.prune();
      // Something later is there, so that the next page has something.
      if (!shared.rows.has('f')) shared.tell(one.lease.epoch, [{ ...later, ...said }]);
      return page;
    };
    two.connection.broken = 'no';
    await pass(3_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['f']);
  });

  test('what comes is known while the devices of a dead node are noted off line', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    await pass(2_000);
    let finish = (): void => {};
    const { bury } = SharedConnection.prototype;
    two.connection.bury = () =>
      new Promise((resolve) => {
        finish = () => {
          two.connection.bury = bury;
          resolve(false);
        };
      });
    one.connection.broken = 'away';
    const three = await start('three');
    three.connection.bury = async () => false;
    await pass(limits.leaseMs + limits.buryMs + 4_000);
    await three.tunnel('b', '2');
    await pass(2_000);
    expect(two.presence.locate({ id: 'b', uid: '2' })).toMatchObject({ node: 'three' });
    finish();
    await pass(limits.readMs);
  });

  test('a listener that fails costs neither the reading nor the telling', async () => {
    const [one, two] = [await start('one'), await start('two')];
    for (const { presence } of [one, two]) {
      presence.watch({
        came: () => {
          throw new Error('a fault');
        },
        went: () => {},
      });
    }
    await one.tunnel('a');
    await one.tunnel('b', '2');
    await pass(2_000);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['a', 'b']);
    await one.tunnel('c', '3');
    await pass(2_000);
    expect(two.presence.locate({ id: 'c', uid: '3' })).toMatchObject({ node: 'one' });
    expect(two.lines.filter((line) => line === 'presence')).toHaveLength(3);
  });

  test('buryMs: after an outage of the database nobody is buried who can renew', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    await pass(2_000);
    for (const { connection } of nodes) connection.broken = 'away';
    await pass(45_000);
    expect(two.presence.locate(device)?.node).toBe('one');
    await expect(two.presence.nextGeneration()).rejects.toBeInstanceOf(StoreUnavailable);
    two.connection.broken = 'no';
    await pass(limits.buryMs - 2_000);
    one.connection.broken = 'no';
    await pass(20_000);
    expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online']);
    expect(two.presence.locate(device)?.node).toBe('one');
    await two.presence.nextGeneration();
  });

  test('what is known of others counts for the outage, and no longer', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    await pass(2_000);
    two.connection.broken = 'away';
    await pass(58_000);
    expect([two.presence.locate(device)?.id, two.presence.remoteCount]).toEqual(['a', 1]);
    await pass(5_000);
    expect([two.presence.locate(device), two.presence.list('', 10), two.presence.remoteCount]).toEqual([
      null,
      [],
      0,
    ]);
  });

  test('retryMs: a node that was taken for dead keeps its tunnels, and says that it has them once it can', async () => {
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    await pass(2_000);
    one.connection.broken = 'away';
    await pass(20_000);
    expect(two.presence.locate(device)).toBeNull();
    expect(one.lease.holds).toBe(false);
    expect(one.presence.locate(device)).toBe(tunnel);
    one.connection.broken = 'no';
    await pass(5_000);
    expect([tunnel.evictions, one.lease.holds, two.presence.locate(device)?.node]).toEqual([0, true, 'one']);
    expect(shared.events.map(({ kind }) => kind)).toEqual([
      'device.online',
      'device.offline',
      'device.online',
    ]);
  });

  test('a process whose name another has taken evicts its devices, says so once and takes no more', async () => {
    const [former, other] = [await start('one'), await start('two')];
    const tunnel = await former.tunnel();
    await pass(2_000);
    const present = await start('one');
    await pass(4_000);
    expect([tunnel.evictions, former.lease.isSuperseded, former.presence.local.size]).toEqual([1, true, 0]);
    await expect(former.presence.nextGeneration()).rejects.toBeInstanceOf(StoreUnavailable);
    expect(former.lines.filter((line) => line.includes('taken the name'))).toHaveLength(1);
    await present.tunnel();
    await pass(2_000);
    expect(other.presence.locate(device)?.node).toBe('one');
  });

  test('a database that has lost its unlogged tables is told again, and nothing goes meanwhile', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    const tunnel = await two.tunnel('b', '2');
    await pass(2_000);
    one.connection.broken = 'away';
    shared.crash();
    await pass(3_000);
    const found = two.presence.locate(device);
    expect(found?.node).toBe('one');
    one.connection.broken = 'no';
    await pass(limits.retellMs + 2_000);
    expect([two.presence.locate(device), one.presence.locate({ id: 'b', uid: '2' })?.generation]).toEqual([
      found,
      tunnel.generation,
    ]);
    expect([...two.told, ...one.told].filter((line) => line.startsWith('went'))).toEqual([]);
    expect(shared.events).toHaveLength(2);
  });

  test('retellMs: what nobody tells again has gone', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    await pass(2_000);
    shared.crash();
    one.connection.broken = 'away';
    await pass(limits.retellMs + 2_000);
    expect(two.presence.locate(device)).toBeNull();
    expect(two.told.at(-1)).toBe('went a at one');
  });

  test('a node that was away for so long that what has gone is forgotten reads everything', async () => {
    limits = { ...limits, readRows: 2 };
    shared = new SharedMembership(() => clock.now() + databaseClock.offset, limits);
    const [one, two] = [await start('one'), await start('two')];
    const tunnel = await one.tunnel();
    for (let n = 0; n < 5; n++) await one.tunnel(`d${n}`, `${n}`);
    await pass(2_000);
    two.connection.broken = 'away';
    await pass(1_500);
    one.presence.withdraw(tunnel);
    await pass(500);
    await one.tunnel('c', '3');
    await pass(500);
    shared.prune();
    two.connection.broken = 'no';
    await pass(2_500);
    expect(two.presence.list('', 10).map(({ id }) => id)).toEqual(['c', 'd0', 'd1', 'd2', 'd3', 'd4']);
  });

  test('a failover that has lost numbers lets no former tunnel win over a new one', async () => {
    const [one, two] = [await start('one'), await start('two')];
    for (let n = 0; n < 5; n++) await one.tunnel(`d${n}`, `${n}`);
    const old = await one.tunnel();
    await pass(2_000);
    shared.loseGenerations(4);
    const young = await two.tunnel();
    await pass(2_000);
    expect([old.evictions, young.evictions, one.presence.locate(device)?.node]).toEqual([1, 0, 'two']);
  });

  test('an answer that is lost makes no event twice', async () => {
    const one = await start('one');
    one.connection.broken = 'answer';
    one.connection.lost = 3;
    const tunnel = new FakeTunnel(device, 1);
    one.presence.announce(tunnel);
    await pass(10_000);
    one.connection.lost = 3;
    one.presence.withdraw(tunnel);
    await pass(10_000);
    expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online', 'device.offline']);
  });

  test('a join whose answer is lost is the same join, and does not silence the node', async () => {
    const node = new TestNode('one', shared, clock, limits);
    nodes.push(node);
    node.connection.broken = 'answer';
    node.connection.lost = 2;
    await node.start();
    await node.tunnel();
    await pass(5_000);
    expect([node.lease.epoch, shared.members.size, node.lease.isSuperseded, shared.rows.size]).toEqual([
      1,
      1,
      false,
      1,
    ]);
  });

  test('an orderly end tells of its devices, and leaves', async () => {
    const [one, two] = [await start('one'), await start('two')];
    await one.tunnel();
    await pass(2_000);
    expect(await one.presence.stop()).toBe(true);
    await one.lease.stop({ leave: true });
    await pass(2_000);
    expect(two.presence.locate(device)).toBeNull();
    expect([...shared.members.values()].map(({ name }) => name)).toEqual(['two']);
    expect(shared.events.at(-1)).toMatchObject({ kind: 'device.offline', id: 'a' });
  });
});
