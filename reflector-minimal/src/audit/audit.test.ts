import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { Audit } from './audit.ts';
import type { AuditSink } from './file.ts';

class MemorySink implements AuditSink {
  readonly lines: string[] = [];
  full = false;
  closed = false;

  write(line: string): void {
    if (this.full) throw new Error('ENOSPC: no space left on device, write');
    this.lines.push(line);
  }

  close(): void {
    this.closed = true;
  }

  /** The records, without their time. */
  take(): unknown[] {
    return this.lines.splice(0).map((line) => {
      const { time, ...record } = JSON.parse(line) as Record<string, unknown>;
      expect(time).toMatch(/^2026-/);
      return record;
    });
  }
}

const limits = { ...defaultLimits, auditQuietMs: 1_000, auditSeries: 3, auditStrangers: 2 };
const request = { event: 'request', allowed: true, user: 'alice', device: 'dev1', port: 80 } as const;
const refused = { event: 'request', allowed: false, address: '192.0.2.1', reason: 'Please log in' } as const;

let clock: ManualClock;
let sink: MemorySink;
let logged: Record<string, unknown>[];
let audit: Audit;
beforeEach(() => {
  clock = new ManualClock();
  sink = new MemorySink();
  logged = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  audit = new Audit(clock, limits, log, sink);
});

describe('what comes alone', () => {
  test('is recorded as it is', () => {
    audit.record({ event: 'log-in', allowed: true, user: 'alice', address: '192.0.2.1' });
    expect(sink.take()).toEqual([{ event: 'log-in', allowed: true, user: 'alice', address: '192.0.2.1' }]);
  });

  test('goes to the log where no file is set', () => {
    const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
    new Audit(clock, limits, log, null).record({ event: 'log-out', allowed: true, user: 'a\nb' });
    expect(logged).toMatchObject([{ msg: 'audit', audit: { event: 'log-out', user: 'a\nb' } }]);
  });

  test('a full disk stops nothing; the log says so once, and then how much was lost', () => {
    sink.full = true;
    for (let i = 0; i < 100; i++) audit.record({ event: 'log-in', allowed: true, user: `user ${i}` });
    expect(logged.map(({ msg }) => msg)).toEqual(['audit log cannot be written; the service goes on']);
    sink.full = false;
    audit.record({ event: 'log-out', allowed: true, user: 'alice' });
    expect(logged.at(-1)).toMatchObject({ lost: 100, msg: expect.stringContaining('records were lost') });
    expect(sink.lines).toHaveLength(1);
  });
});

describe('what comes over and over', () => {
  const token = {
    event: 'token',
    allowed: true,
    user: 'alice',
    by: 'password',
    address: '192.0.2.1',
  } as const;

  test('auditRepeats: is recorded so often, and then counted', () => {
    for (let i = 0; i < 1_000; i++) audit.record(token);
    expect(sink.take()).toEqual(Array(limits.auditRepeats).fill(token));
    clock.advance(2_000);
    expect(sink.take()).toEqual([
      { ...token, event: 'tokens', times: 1_000 - limits.auditRepeats, bytesFrom: 0, bytesTo: 0, ms: 0 },
    ]);
  });

  test('a device that reconnects over and over costs few lines, and no byte is lost', () => {
    const tunnel = { event: 'device-tunnel', allowed: true, device: 'dev1', address: '192.0.2.1' } as const;
    for (let i = 0; i < 1_000; i++) {
      audit.record(tunnel);
      audit.record({
        ...tunnel,
        event: 'device-tunnel-end',
        reason: 'lost',
        bytesFrom: 2,
        bytesTo: 1,
        ms: i,
      });
    }
    audit.close();
    const records = sink.take() as { event: string; bytesFrom?: number; times?: number }[];
    expect(records.length).toBe(2 * limits.auditRepeats + 2);
    const ends = records.filter(({ event }) => event.startsWith('device-tunnel-end'));
    expect(ends.reduce((sum, { bytesFrom = 0 }) => sum + bytesFrom, 0)).toBe(2_000);
    expect(ends.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(1_000);
  });

  test('auditRecords: what one user varies is counted together', () => {
    const few = { ...limits, auditRecords: 20 };
    const own = new Audit(clock, few, pino({ level: 'silent' }), sink);
    for (let port = 1; port <= 1_000; port++) own.count({ ...request, by: 'token', port });
    for (let n = 0; n < 5; n++) own.record({ ...token, user: 'bob', address: `192.0.2.${n}` });
    own.close();
    const records = sink.take() as { user: string; reason?: string; times?: number }[];
    expect(records.filter(({ user }) => user === 'bob')).toHaveLength(5);
    const alice = records.filter(({ user }) => user === 'alice');
    expect(alice.length).toBeLessThanOrEqual(22);
    expect(alice.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(1_000);
    expect(alice.at(-1)).toMatchObject({ event: 'requests', reason: 'of many kinds' });
  });

  test('auditRecords: no flood hides which devices a user has reached', () => {
    const own = new Audit(
      clock,
      { ...limits, auditSeries: 100, auditRecords: 20 },
      pino({ level: 'silent' }),
      sink,
    );
    const tried = { ...request, event: 'client-tunnel', by: 'token' } as const;
    const reached = (device: string) => own.record({ ...tried, device, port: 22 });
    for (let port = 1; port <= 100; port++)
      own.count({ ...tried, allowed: false, port, reason: `port ${port}` });
    reached('safe');
    for (let port = 1; port <= 100; port++) own.count({ ...tried, port });
    reached('vault');
    own.close();
    const records = sink.take() as { device?: string; allowed: boolean; reason?: string }[];
    expect(records).toContainEqual({ ...tried, device: 'safe', port: 22 });
    const vault = { event: 'client-tunnel', allowed: true, user: 'alice', device: 'vault' };
    expect(records).toContainEqual({ ...vault, reason: 'of many kinds' });
    expect(records.length).toBeLessThanOrEqual(2 * 22 + 2);
  });
});

describe('what comes in crowds', () => {
  test('auditQuietMs: is recorded when it begins, and summed up when it has been quiet', () => {
    for (let i = 0; i < 50; i++) {
      audit.count(request)({ bytesFrom: 100, bytesTo: 1 });
      clock.advance(10);
    }
    expect(sink.take()).toEqual([request]);
    clock.advance(3_000);
    const sum = { times: 49, bytesFrom: 5_000, bytesTo: 50, ms: 490 };
    expect(sink.take()).toEqual([{ ...request, event: 'requests', ...sum }]);
    expect(clock.pending).toBe(0);
    audit.count(request);
    expect(sink.take()).toEqual([request]);
  });

  test('is summed up while it goes on, too', () => {
    for (let i = 0; i < 30; i++) {
      audit.count(request)({ bytesFrom: 1, bytesTo: 0 });
      clock.advance(500);
    }
    const counted = sink.take() as { event: string; times?: number }[];
    expect(counted.map(({ event }) => event)).toEqual(['request', 'requests', 'request']);
    clock.advance(20_000);
    expect(sink.take()).toHaveLength(1);
  });

  test('what is different is a series of its own, and a flood of refusals costs two lines', () => {
    for (let i = 0; i < 10_000; i++) audit.count(refused);
    audit.count(request);
    audit.close();
    expect(sink.take()).toEqual([
      refused,
      request,
      { ...refused, event: 'requests', times: 9_999, bytesFrom: 0, bytesTo: 0, ms: 0 },
    ]);
    expect(sink.closed).toBe(true);
  });

  test('what ends after its series is summed up by itself', () => {
    const carried = audit.count(request);
    clock.advance(60_000);
    expect(sink.take()).toEqual([request]);
    carried({ bytesFrom: 7, bytesTo: 0 });
    expect(sink.take()).toMatchObject([{ event: 'requests', times: 0, bytesFrom: 7, ms: 60_000 }]);
  });

  test('auditSeries: the series that began first is summed up early', () => {
    for (const user of ['alice', 'bob', 'carol', 'dave']) {
      audit.count({ ...request, user });
      audit.count({ ...request, user });
    }
    expect(sink.take().map((record) => (record as { event: string }).event)).toEqual([
      'request',
      'request',
      'request',
      'requests',
      'request',
    ]);
  });

  test('auditStrangers: a flood from many addresses is counted as one', () => {
    for (let i = 0; i < 1_000; i++) audit.count({ ...refused, address: `192.0.2.${i}` });
    const many = { event: 'request', allowed: false, reason: 'from many strangers' };
    const [first, second] = ['192.0.2.0', '192.0.2.1'].map((address) => ({ ...refused, address }));
    expect(sink.take()).toEqual([first, second, many]);
    clock.advance(2_000);
    expect(sink.take()).toEqual([
      { ...many, event: 'requests', times: 997, bytesFrom: 0, bytesTo: 0, ms: 0 },
    ]);
    clock.advance(3_000);
    audit.count(refused);
    expect(sink.take()).toEqual([refused]);
  });

  test('auditStrangers: a flood that does not end, of ever new kinds, costs few lines', () => {
    let lines = 0;
    for (let step = 0; step < 10_000; step++) {
      audit.count({ ...refused, address: `10.0.${step >> 8}.${step & 255}` });
      clock.advance(100);
      lines += sink.take().length;
    }
    // Two kinds in ten seconds, and one that stands for all others, summed up every ten: for a thousand.
    expect(lines).toBeLessThan(500);
  });
});
