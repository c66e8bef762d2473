import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { run, runWith, underValgrind } from './guest.ts';

describe('the clock', () => {
  it('runs timers in the order they are due, never early, and not when cancelled', async () => {
    const guest = run((native, report) => {
      const begin = native.clock.now();
      let previous = 0;
      // It is due between these two moments: a busy machine may lie between one call and the next.
      const at = (delay: number) => {
        const earliest = native.clock.now() + delay;
        const timer = native.clock.schedule(delay, () => {
          report('ran', delay, native.clock.now() - begin >= delay, latest >= previous);
          previous = earliest;
        });
        const latest = native.clock.now() + delay;
        return timer;
      };
      for (const delay of [70, 10, 50, 30, 0]) at(delay);
      const cancelled = at(20);
      cancelled.cancel();
      cancelled.cancel();
      const late = native.clock.schedule(600_000, () => report('late'));
      native.clock.schedule(35, () => late.cancel());
      report('called');
    });
    const [called, ...ran] = await guest.finish();
    expect(called).toEqual(['called']);
    const byDelay = ran.sort(([, one], [, other]) => Number(one) - Number(other));
    expect(byDelay).toEqual([0, 10, 30, 50, 70].map((delay) => ['ran', delay, true, true]));
  });

  it('keeps its order with many timers', async () => {
    const guest = run((native, report) => {
      // A timer is due between these two moments.
      const seen: { earliest: number; latest: number }[] = [];
      let state = 7;
      for (let i = 0; i < 500; i++) {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        const delay = state % 100;
        const entry = { earliest: native.clock.now() + delay, latest: 0 };
        const timer = native.clock.schedule(delay, () => seen.push(entry));
        entry.latest = native.clock.now() + delay;
        if (state % 3 === 0) timer.cancel();
      }
      native.clock.schedule(500, () => {
        const wrong = seen.filter(({ latest }, i) => latest < (seen[i - 1]?.earliest ?? 0));
        report('ran', seen.length > 200, wrong);
      });
    });
    expect(await guest.finish()).toEqual([['ran', true, []]]);
  });

  it('has the kernel end a long wait, also one in which the machine sleeps', async () => {
    const guest = run((native) => {
      native.clock.schedule(3_600_000, () => undefined);
    });
    // The descriptor of a timer of CLOCK_BOOTTIME, armed for then: epoll_wait(2) counts no sleep.
    const folder = `/proc/${guest.process.pid}/fdinfo`;
    const armed = () => {
      const alarms = readdirSync(folder)
        .map((fd) => readFileSync(`${folder}/${fd}`, 'utf8'))
        .filter((text) => /^clockid: 7$/m.test(text));
      expect(alarms.map((text) => Number(/^it_value: \((\d+),/m.exec(text)?.[1]) > 3000)).toEqual([true]);
    };
    await vi.waitFor(armed, { timeout: 120_000, interval: 10 });
    guest.stop();
  });

  it('tells the date', async () => {
    const before = Date.now();
    const [date] = await run((native, report) => report('date', native.clock.date())).expect('date');
    expect(date).toBeGreaterThanOrEqual(before);
    expect(date).toBeLessThanOrEqual(Date.now());
  });
});

describe('the time zone', () => {
  const offset = (before: readonly string[], environment: Readonly<Record<string, string>>) =>
    runWith({ before, environment }, (_native, report) =>
      report('offset', -new Date(Date.UTC(2026, 6, 1)).getTimezoneOffset()),
    );
  /** A machine of OpenWrt, as far as time zones go. */
  const openWrt = [
    'unshare',
    '-m',
    'sh',
    '-c',
    'mount -t tmpfs none /etc && echo CET-1CEST > /etc/TZ && exec "$0" "$@"',
  ];

  it('is that of TZ', async () => {
    expect(await offset([], { TZ: 'IST-5:30' }).finish()).toEqual([['offset', 330]]);
  });

  it.skipIf(underValgrind)('is that of /etc/TZ where nothing else names one', async () => {
    expect(await offset(openWrt, {}).finish()).toEqual([['offset', 120]]);
    expect(await offset(openWrt, { TZ: 'UTC' }).finish()).toEqual([['offset', 0]]);
  });
});
