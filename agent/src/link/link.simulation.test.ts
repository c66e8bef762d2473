import { afterAll, describe, expect, it, vi } from 'vitest';
import { Random } from '../../../protocol/src/testing/random.ts';
import { faults } from '../../simulation/faults.ts';
import { ADDRESSES, FaultyLinkStage, proxyLists } from '../../simulation/faulty-link-stage.ts';
import { noHandles } from '../../simulation/host.ts';
import type { ConnectionFault } from '../../simulation/socket.ts';
import { type LinkEvent, type LinkState, transitions } from './states.ts';

/**
 * Whatever has gone wrong, the agent is connected again within a known time after the last fault; at no moment does it
 * hold two links, or anything that it does not need. `RM_SEEDS=1000000` tries more seeds; `RM_SEED=<number>` replays one
 * that failed, and tells what happened in it.
 */
const seeds = Number(process.env.RM_SEEDS ?? 10_000);
const only = process.env.RM_SEED;

const KEEP_ALIVE_MS = 20_000;
const STEP_MS = 3000;
const MAX_MS = 30_000;
const CLOSING_MS = 2000;
/** For one list of proxies; see `faults`. */
const SLOWEST_MS = 5000;
/** Two reflectors by two routes, with the five steps of each. */
const ATTEMPT_MS = 2 * 2 * 5 * STEP_MS;
/** A dead link is noticed and closed, the attempt under way fails in each step, the longest wait, and a good attempt. */
const BOUND_MS = 3 * KEEP_ALIVE_MS + CLOSING_MS + ATTEMPT_MS + MAX_MS + 2 * STEP_MS;

const used = vi.hoisted(() => {
  // Other files of unit tests have loaded `states.ts` as it is.
  vi.resetModules();
  return new Set<string>();
});

vi.mock('./states.ts', async (original) => {
  const states = await original<typeof import('./states.ts')>();
  const nextState = (state: LinkState, event: LinkEvent) => {
    used.add(`${state}: ${event}`);
    return states.nextState(state, event);
  };
  return { ...states, nextState };
});

/** What holds at any moment: one connection, but for the addresses that are dialled in a race; one timer and one look-up. */
function within({ link, host }: FaultyLinkStage): void {
  const { sockets, lookUps, timers } = host.handles;
  const racing = link.state === 'connecting';
  const most = racing ? 2 * ADDRESSES.length : 1;
  if (sockets > most || lookUps > 1 || timers > (racing ? 2 : 1)) {
    throw new Error(`in state ${link.state} it holds ${JSON.stringify(host.handles)}`);
  }
}

function simulate(seed: number, tell: (what: string) => void): void {
  const random = new Random(seed);
  const names = Object.keys(faults);
  const stage = new FaultyLinkStage({
    seed,
    keepAliveMs: KEEP_ALIVE_MS,
    stepMs: STEP_MS,
    maxMs: MAX_MS,
    secure: random.chance(0.5),
    proxies: random.pick(Object.keys(proxyLists) as [keyof typeof proxyLists]),
    two: random.chance(0.3),
    fixed: random.chance(0.3),
  });
  const { host, link, reflector } = stage;
  host.clock.observer = () => within(stage);
  link.start();
  for (let count = random.integer(1, 15); count > 0; count--) {
    const name = random.pick(names as [string]);
    tell(`${Math.round(host.clock.now())} ms, ${link.state}: ${name}`);
    faults[name]?.(stage, random);
    stage.run(random.chance(0.2) ? random.integer(0, 90_000) : random.integer(0, 3000));
  }
  tell(`${Math.round(host.clock.now())} ms, ${link.state}: everything is healed`);
  stage.heal();
  for (const { peer, socket } of reflector.connections) {
    if (peer) peer.answersPings = true;
    if (!socket.isHarmed) socket.resume();
  }
  // What was on its way belongs to what has gone wrong.
  stage.run(2 * SLOWEST_MS);
  const lost = new Set(stage.held.filter((socket) => socket.isHarmed));
  const healthy = () => link.state === 'live' && stage.held.every((socket) => !lost.has(socket));
  host.clock.until('live again', healthy, BOUND_MS);
  // And that is no illusion.
  const { peer } = stage;
  peer?.take();
  peer?.ping();
  host.clock.until('a PONG', () => peer?.seen.includes('pong') === true, 5000);
  link.stop('end');
  stage.run(CLOSING_MS + 1);
  if (link.state !== 'idle') throw new Error(`still ${link.state} after stop`);
  expect(host.handles).toEqual(noHandles);
  expect(host.network.watchers).toBe(0);
}

/** Runs one seed; a failure says how to see it again. */
function run(seed: number): void {
  const story: string[] = [];
  try {
    simulate(seed, (what) => story.push(what));
  } catch (error) {
    const what = error instanceof Error ? error.stack : error;
    throw new Error(`RM_SEED=${seed}: ${what}\n${story.join('\n')}`);
  }
}

const unlimited = 86_400_000;

describe('a link with random faults', () => {
  it(
    `comes back within ${BOUND_MS / 1000} s and leaks nothing (${only === undefined ? `${seeds} seeds` : `seed ${only}`})`,
    () => {
      if (only === undefined) for (let seed = 0; seed < seeds; seed++) run(seed);
      else run(Number(only));
    },
    unlimited,
  );
});

describe('a link whose connection breaks at any byte of the handshake', () => {
  const kinds = ['reset', 'end', 'silence'] as const;
  const cases = (Object.keys(proxyLists) as (keyof typeof proxyLists)[]).flatMap((proxies) =>
    [false, true].map((secure) => ({ proxies, secure })),
  );

  /** Gets live after this has befallen the first connection; returns the bytes that a good connection carries. */
  function connect(proxies: keyof typeof proxyLists, secure: boolean, fault: ConnectionFault | null): number {
    const settings = { seed: 1, keepAliveMs: KEEP_ALIVE_MS, stepMs: STEP_MS, maxMs: MAX_MS };
    const stage = new FaultyLinkStage({ ...settings, secure, proxies, two: false, fixed: false });
    const { host, link } = stage;
    let first = fault;
    host.network.faultFor = () => {
      const present = first;
      first = null;
      return present;
    };
    host.clock.observer = () => within(stage);
    link.start();
    const undisturbed = () => link.state === 'live' && stage.held.every((socket) => !socket.isHarmed);
    host.clock.until('live', undisturbed, BOUND_MS);
    const carried = stage.held[0]?.carried ?? 0;
    link.stop('end');
    stage.run(CLOSING_MS + 1);
    expect(host.handles).toEqual(noHandles);
    return carried;
  }

  it.each(cases)('and goes $proxies, with TLS: $secure', ({ proxies, secure }) => {
    const bytes = connect(proxies, secure, null);
    expect(bytes).toBeGreaterThan(400);
    // Each byte in each direction without a proxy; the others take turns.
    const each = proxies === 'direct';
    for (let afterBytes = 0; afterBytes <= bytes; afterBytes++) {
      for (const [index, kind] of kinds.entries()) {
        if (each || afterBytes % kinds.length === index) connect(proxies, secure, { afterBytes, kind });
      }
    }
  });
});

describe.runIf(only === undefined && seeds >= 10_000)('the table of states', () => {
  afterAll(() => used.clear());

  it('has no row that is never used', () => {
    const rows = Object.entries(transitions).flatMap(([state, row]) =>
      Object.keys(row).map((event) => `${state}: ${event}`),
    );
    expect(rows.filter((row) => !used.has(row))).toEqual([]);
  });
});
