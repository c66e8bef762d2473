import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SendState } from '../tunnel/tunnel.ts';
import { Liveness } from './liveness.ts';

const KEEP_ALIVE = 100_000;
const ANSWER = 30_000;

const idle: SendState = { pongedAt: null, activeAt: 0, movedAt: 0, stuckSince: null };

/** What happens on a link, and when: bytes come, a PONG among them, bytes of ours are taken that had waited. */
interface Traffic {
  readonly heard?: readonly number[];
  readonly ponged?: readonly number[];
  readonly moved?: readonly number[];
  readonly stuckSince?: number;
}

/** Checks a link whenever it wants to be checked, for as long as it is not dead. */
function watch(traffic: Traffic, until: number) {
  const liveness = new Liveness(KEEP_ALIVE, 0);
  const pings: number[] = [];
  const { heard = [], ponged = [], moved = [], stuckSince = null } = traffic;
  const events = [
    ...heard.map((at) => ({ at, kind: 'heard' })),
    ...ponged.map((at) => ({ at, kind: 'ponged' })),
    ...moved.map((at) => ({ at, kind: 'moved' })),
  ].sort((a, b) => a.at - b.at);
  let outgoing = idle;
  for (let now = 0; now <= until; ) {
    for (let next = events[0]; next && next.at <= now; next = events[0]) {
      events.shift();
      if (next.kind === 'moved') outgoing = { ...outgoing, movedAt: next.at };
      else liveness.heard(next.at);
      if (next.kind === 'ponged') outgoing = { ...outgoing, pongedAt: next.at };
    }
    if (stuckSince !== null && now >= stuckSince) outgoing = { ...outgoing, stuckSince };
    const verdict = liveness.check(now, outgoing);
    if ('dead' in verdict) return { dead: now, why: verdict.dead, pings };
    if (verdict.ping) pings.push(now);
    expect(verdict.inMs).toBeGreaterThan(0);
    now += verdict.inMs;
  }
  return { dead: null, why: null, pings };
}

const every = (ms: number, until: number, from = ms) =>
  Array.from({ length: Math.floor((until - from) / ms) + 1 }, (_, i) => from + i * ms);

describe('the direction from the reflector', () => {
  it.each([
    ['nothing is asked before the keep-alive time is over', [], 99_999, { ping: false, inMs: 1 }],
    ['then a PING', [], 100_000, { ping: true, inMs: ANSWER }],
    ['a byte puts the PING off', [60_000], 99_999, { ping: false, inMs: 1 }],
  ] as const)('%s', (_name, heard, at, expected) => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    for (const time of heard) liveness.heard(time);
    expect(liveness.check(at, idle)).toEqual(expected);
  });

  it.each([
    ['no answer', [], 130_000, { dead: 'no answer to PING' }],
    ['no answer yet', [], 129_999, { ping: false, inMs: 1 }],
    ['an answer in the same millisecond', [100_000], 130_000, { ping: false, inMs: 70_000 }],
    ['an answer at the last moment', [129_999], 130_000, { ping: false, inMs: 99_999 }],
  ] as const)('after a PING: %s', (_name, heard, at, expected) => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    expect(liveness.check(100_000, idle)).toMatchObject({ ping: true });
    for (const time of heard) liveness.heard(time);
    expect(liveness.check(at, idle)).toEqual(expected);
  });

  it('is dead when it was silent for both times, whatever came before', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 160_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(gaps, (list) => {
        const heard: number[] = [];
        for (const gap of list) heard.push((heard.at(-1) ?? 0) + gap);
        const times = [0, ...heard];
        const broken = list.findIndex((gap) => gap > KEEP_ALIVE + ANSWER);
        const last = broken < 0 ? (times.at(-1) ?? 0) : (times[broken] ?? 0);
        expect(watch({ heard }, 5_000_000).dead).toBe(last + KEEP_ALIVE + ANSWER);
      }),
      { numRuns: 500 },
    );
  });

  it('is asked for nothing but one PING, to learn whether it answers, while it is busy', () => {
    expect(watch({ heard: every(90_000, 4_500_000) }, 4_500_000)).toMatchObject({
      dead: null,
      pings: [100_000],
    });
  });

  it('has more time while bytes of ours move, because its answer is behind them, but not for ever', () => {
    const moved = every(10_000, 2_000_000);
    expect(watch({ moved }, 2_000_000)).toEqual({
      dead: 2 * KEEP_ALIVE + ANSWER,
      why: 'no answer to PING',
      pings: [KEEP_ALIVE],
    });
    expect(watch({ moved: every(10_000, 140_000) }, 2_000_000).dead).toBe(140_000 + ANSWER);
  });
});

describe('the direction to the reflector', () => {
  it('is dead when PINGs are not answered any more, however much comes in', () => {
    const heard = every(1000, 5_000_000);
    const { dead, why, pings } = watch({ heard, ponged: [100_500] }, 5_000_000);
    expect(pings).toEqual([100_000, 200_500]);
    expect(dead).toBe(200_500 + KEEP_ALIVE + ANSWER);
    expect(why).toBe('no answer to PING, although bytes come');
  });

  it('is asked once in the keep-alive time, and left alone while PONGs come', () => {
    const { dead, pings } = watch(
      { heard: every(1000, 2_000_000), ponged: every(101_000, 2_000_000) },
      2_000_000,
    );
    expect(dead).toBe(null);
    expect(pings.slice(0, 3)).toEqual([100_000, 201_000, 302_000]);
  });

  it('is proved by bytes that move, too', () => {
    const { pings } = watch({ heard: every(1000, 1_000_000), moved: every(50_000, 1_000_000) }, 1_000_000);
    expect(pings).toEqual([]);
  });

  it('is not judged by PINGs towards a reflector that never answers them', () => {
    expect(watch({ heard: every(1000, 5_000_000) }, 5_000_000)).toMatchObject({
      dead: null,
      pings: [100_000],
    });
  });

  it('is judged from the first PING on when the reflector has answered on an earlier link', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0, true);
    liveness.heard(100_000);
    expect(liveness.check(100_000, idle)).toMatchObject({ ping: true });
    for (let now = 100_000; now < 230_000; now += 10_000) {
      liveness.heard(now);
      expect(liveness.check(now, idle)).not.toHaveProperty('dead');
    }
    expect(liveness.check(230_000, idle)).toEqual({ dead: 'no answer to PING, although bytes come' });
  });

  it('is dead when the kernel takes nothing of what waits, however much comes in', () => {
    const heard = every(1000, 5_000_000);
    expect(watch({ heard, stuckSince: 50_000 }, 5_000_000)).toMatchObject({
      dead: 50_000 + KEEP_ALIVE + ANSWER,
      why: 'nothing of what is sent goes out',
    });
  });
});

describe('doubt', () => {
  const doubtful: [string, (liveness: Liveness) => number][] = [
    [
      'a check that comes much later than it was due',
      (liveness) => {
        liveness.check(0, idle);
        return 3_600_000;
      },
    ],
    [
      'a check that is much too late for an answer to PING',
      (liveness) => {
        liveness.check(100_000, idle);
        return 3_600_000;
      },
    ],
    [
      'whoever says so',
      (liveness) => {
        liveness.check(0, idle);
        liveness.suspect();
        return 1000;
      },
    ],
  ];

  it.each(doubtful)('by %s asks for a PING with 10 s for the answer', (_name, bring) => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    const at = bring(liveness);
    expect(liveness.check(at, idle)).toEqual({ ping: true, inMs: 10_000 });
    expect(liveness.check(at + 9999, idle)).toEqual({ ping: false, inMs: 1 });
    expect(liveness.check(at + 10_000, idle)).toEqual({ dead: 'no answer to PING' });
  });

  it.each(doubtful)('by %s is over with the first byte', (_name, bring) => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    const at = bring(liveness);
    liveness.check(at, idle);
    liveness.heard(at + 9000);
    expect(liveness.check(at + 10_000, { ...idle, pongedAt: at + 9000 })).toEqual({
      ping: false,
      inMs: 99_000,
    });
  });

  it('demands a PONG of any reflector within 30 s, although bytes come', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.suspect();
    liveness.check(1000, idle);
    for (let now = 2000; now < 31_000; now += 1000) {
      liveness.heard(now);
      expect(liveness.check(now, idle)).not.toHaveProperty('dead');
    }
    expect(liveness.check(31_000, idle)).toEqual({ dead: 'no answer to PING, although bytes come' });
  });

  it('that goes on does not put the end off', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    for (let now = 1000; now < 11_000; now += 1000) {
      liveness.suspect();
      expect(liveness.check(now, idle)).toEqual({ ping: true, inMs: 11_000 - now });
    }
    expect(liveness.check(11_000, idle)).toEqual({ dead: 'no answer to PING' });
  });

  it('shortens the time that an answer has that is awaited already', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.check(100_000, idle);
    liveness.suspect();
    expect(liveness.check(105_000, idle)).toEqual({ ping: true, inMs: 10_000 });
    expect(liveness.check(115_000, idle)).toEqual({ dead: 'no answer to PING' });
    const late = new Liveness(KEEP_ALIVE, 0);
    late.check(100_000, idle);
    late.suspect();
    expect(late.check(125_000, idle)).toEqual({ ping: true, inMs: 5000 });
  });

  it('does not come from a check that is a little late', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.check(100_000, idle);
    expect(liveness.check(135_000, idle)).toEqual({ dead: 'no answer to PING' });
  });
});

describe('the idle time', () => {
  it('counts from the last byte of either direction', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.heard(10_000);
    expect(liveness.idleMs(70_000, idle)).toBe(60_000);
    expect(liveness.idleMs(70_000, { ...idle, activeAt: 40_000 })).toBe(30_000);
  });

  it('ends at the PING that was not answered', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.check(100_000, { ...idle, activeAt: 20_000 });
    expect(liveness.idleMs(110_000, { ...idle, activeAt: 100_000 })).toBe(80_000);
    liveness.heard(100_000);
    expect(liveness.idleMs(110_000, idle)).toBe(10_000);
    liveness.heard(111_000);
    expect(liveness.idleMs(115_000, { ...idle, activeAt: 100_000 })).toBe(4000);
  });

  it('means nothing on a link in doubt', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    liveness.suspect();
    liveness.check(90_000, idle);
    expect(liveness.idleMs(95_000, idle)).toBe(0);
  });
});

describe('an excuse', () => {
  it('keeps a link alive that is not read', () => {
    const liveness = new Liveness(KEEP_ALIVE, 0);
    for (let now = 0; now < 2_000_000; now += 50_000) {
      liveness.readingPaused(now);
      expect(liveness.check(now, { ...idle, pongedAt: 1, stuckSince: 1 })).toMatchObject({ ping: false });
    }
  });
});
