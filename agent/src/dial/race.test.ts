import { describe, expect, it } from 'vitest';
import { noHandles, SimulatedHost } from '../../simulation/host.ts';
import { type Endpoint, refused, timedOut, unreachable } from '../../simulation/network.ts';
import type { HostError } from '../host.ts';
import type { Connection } from './connection.ts';
import { Race } from './race.ts';

/** A race to addresses of which each is given, with the milliseconds that a connection to it takes. */
class Course {
  readonly host = new SimulatedHost();
  readonly others: string[] = [];
  connection: Connection | null = null;
  failure: HostError | null = null;
  readonly race: Race;

  constructor(places: Readonly<Record<string, Endpoint | 'accepts'>>) {
    const { network } = this.host;
    for (const [address, place] of Object.entries(places)) {
      if (place === 'accepts') network.listen(address, 80, () => ignore);
      else network.endpoints.set(`${address}:80`, place);
    }
    const addresses = Object.keys(places).map((address) => ({ address, family: 4 as const }));
    this.race = new Race(
      this.host,
      { addresses, port: 80 },
      {
        dialled: (address) => this.others.push(address),
        connected: (connection) => {
          expect([this.connection, this.failure]).toEqual([null, null]);
          this.connection = connection;
        },
        failed: (error) => {
          expect([this.connection, this.failure]).toEqual([null, null]);
          this.failure = error;
        },
      },
    );
  }

  get dialled(): string[] {
    return this.host.network.dialled.map((place) => place.replace(/:80$/, ''));
  }

  run(ms: number): this {
    this.host.clock.advance(ms);
    return this;
  }
}

const ignore = {
  connected: () => undefined,
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

describe('a race', () => {
  it('sends no TCP keep-alive on a silent connection by default', () => {
    const course = new Course({ a: { error: refused }, b: 'accepts' }).run(10);
    expect(course.host.network.probed).toEqual([0, 0]);
    new Race(
      course.host,
      { addresses: [{ address: 'b', family: 4 }], port: 80, probeAfterSeconds: 60 },
      { connected: () => undefined, failed: () => undefined },
    );
    expect(course.host.network.probed.at(-1)).toBe(60);
  });

  it('is over when the first address connects, and dials no other', () => {
    const course = new Course({ a: 'accepts', b: 'accepts' }).run(10_000);
    expect([course.connection?.address, course.dialled]).toEqual(['a', ['a']]);
    expect(course.host.handles).toEqual({ ...noHandles, sockets: 1 });
  });

  it('dials the next address at once when one has failed', () => {
    const course = new Course({ a: { error: refused }, b: { error: unreachable }, c: 'accepts' }).run(10);
    expect([course.connection?.address, course.others]).toEqual(['c', ['b', 'c']]);
  });

  it('dials the next address beside one that is silent for 250 ms', () => {
    const course = new Course({ a: 'silent', b: 'silent', c: 'silent' }).run(249);
    expect(course.dialled).toEqual(['a']);
    expect(course.run(1).dialled).toEqual(['a', 'b']);
    expect(course.run(249).dialled).toEqual(['a', 'b']);
    expect(course.run(1).dialled).toEqual(['a', 'b', 'c']);
    expect(course.host.handles).toEqual({ ...noHandles, sockets: 3 });
  });

  it('waits the whole stagger behind an address that was dialled early', () => {
    const course = new Course({ a: 'silent', b: { error: refused }, c: 'silent', d: 'silent' }).run(252);
    expect(course.dialled).toEqual(['a', 'b', 'c']);
    expect(course.run(248).dialled).toEqual(['a', 'b', 'c']);
    expect(course.run(2).dialled).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is won by a later address, and the losers are destroyed at once', () => {
    const course = new Course({ a: 'silent', b: 'silent', c: 'accepts' });
    course.host.clock.until('a winner', () => course.connection !== null);
    expect(course.connection?.address).toBe('c');
    expect(course.host.handles).toEqual({ ...noHandles, sockets: 1 });
  });

  it('is won by a first address that is slow', () => {
    const course = new Course({ a: 'accepts', b: 'silent' });
    expect(course.host.network.sockets.size).toBe(1);
    const slow = new Course({ a: 'silent', b: 'accepts' });
    slow.host.network.latencyMs = [400, 400];
    slow.host.network.listen('a', 80, () => ignore);
    slow.run(5000);
    expect(slow.connection).not.toBeNull();
    expect(slow.host.handles).toEqual({ ...noHandles, sockets: 1 });
  });

  it('is lost when each address has failed, with the error of each', () => {
    const course = new Course({ a: { error: refused }, b: { error: timedOut } }).run(10);
    expect(course.failure).toEqual({
      code: 'timed-out',
      message: 'a: connection refused, b: connection timed out',
    });
    expect(course.host.handles).toEqual(noHandles);
  });

  it('is lost with one error when all have the same', () => {
    expect(new Course({ a: { error: refused }, b: { error: refused } }).run(10).failure).toEqual(refused);
  });

  it('that expires reports earlier failures, and ends the pending connections', () => {
    const course = new Course({ a: { error: unreachable }, b: 'silent', c: 'silent' }).run(100);
    course.race.expire({ code: 'timed-out', message: 'no answer within 1 s' });
    expect(course.failure?.message).toBe('a: network is unreachable, b: no answer within 1 s');
    expect(course.host.handles).toEqual(noHandles);
    expect(course.run(10_000).dialled).toEqual(['a', 'b']);
  });

  it('that is cancelled leaves nothing and reports nothing', () => {
    const course = new Course({ a: 'silent', b: 'accepts' }).run(100);
    course.race.cancel();
    expect(course.host.handles).toEqual(noHandles);
    course.run(10_000);
    expect([course.connection, course.failure]).toEqual([null, null]);
  });

  it('delivers the events of the winner to the handler that it has at the moment', () => {
    const course = new Course({});
    const seen: string[] = [];
    course.host.network.listen('a', 80, (socket) => ({
      ...ignore,
      data: () => socket.end(),
      ended: () => undefined,
    }));
    new Race(
      course.host,
      { addresses: [{ address: 'a', family: 4 }], port: 80 },
      {
        connected: (connection) => {
          connection.handler = {
            ...ignore,
            taken: (count) => seen.push(`taken ${count}`),
            ended: () => {
              connection.handler = { ...ignore, closed: (error) => seen.push(`closed ${error}`) };
              connection.socket.end();
            },
          };
          connection.socket.write(new Uint8Array(3));
        },
        failed: () => undefined,
      },
    );
    course.run(100);
    expect(seen).toEqual(['taken 3', 'closed null']);
  });
});
