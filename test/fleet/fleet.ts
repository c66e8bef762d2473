import { BackOff, type BackOffSettings } from '../../agent/src/dial/back-off.ts';
import { DeviceAdmission } from '../../reflector-minimal/src/devices/device-admission.ts';
import { defaultLimits, type Limits } from '../../reflector-minimal/src/limits.ts';

/** Devices that lose their reflector in one moment and come back, on a clock of their own. */
export interface FleetOptions {
  readonly devices: number;
  /** How long the reflector is away, in milliseconds. */
  readonly awayMs: number;
  /** Whether the reflector holds arrivals back, or takes whoever comes. */
  readonly heldBack: boolean;
  /** Whether scrypt verifies the devices' passwords; otherwise certificates, or passwords that a machine has made. */
  readonly scrypt: boolean;
  readonly seed: number;
  /** Devices of one network, one after the other; 1 by default. */
  readonly perNetwork?: number;
  /** Whether the reflector has seen the devices come from there before; not by default. */
  readonly known?: boolean;
  /** Guesses at passwords a second, from each of these addresses in turn; none by default. The devices' are 10.x.x.1. */
  readonly guesses?: { readonly perSecond: number; readonly addresses: readonly string[] };
  /** How often in a second one more device comes, with the right credentials and whatever it is told; 0 by default. */
  readonly looping?: number;
  readonly limits?: Partial<Limits>;
  /** When to look away, in milliseconds: there are fleets that never come back. */
  readonly untilMs: number;
}

/** What one second has seen. */
export interface Second {
  /** Attempts that reached the reflector. */
  attempts: number;
  /** Told to come again later. */
  asked: number;
  /** Tunnels that came about. */
  connected: number;
  /** Passwords verified for a device that had given up waiting. */
  wasted: number;
}

/** The defaults of the agent's configuration (`agent/src/config`). */
const backOff: BackOffSettings = { minMs: 1_000, maxMs: 300_000, refusedMaxMs: 3_600_000 };

/** Time for a step of an attempt: `timeouts.connect`. */
const patienceMs = 10_000;

/** One password, on one of `verificationsAtOnce` threads. */
const verificationMs = 40;

interface Device {
  readonly number: number;
  readonly backOff: BackOff;
}

type Event = readonly [at: number, run: () => void];

/** Runs the fleet until all devices are connected, or `untilMs`; gives each second from the loss on. */
export function simulateFleet(options: FleetOptions): Second[] {
  const {
    devices,
    awayMs,
    heldBack,
    scrypt,
    seed,
    untilMs,
    perNetwork = 1,
    known = false,
    guesses,
    looping = 0,
  } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const random = mulberry32(seed);
  const seconds: Second[] = [];
  const heap = new EventHeap();
  const admission = heldBack ? new DeviceAdmission(limits, awayMs) : null;
  const threads: number[] = Array(defaultLimits.verificationsAtOnce).fill(0);
  let left = devices;
  const second = (at: number): Second => {
    const index = Math.floor(at / 1000);
    while (seconds.length <= index) seconds.push({ attempts: 0, asked: 0, connected: 0, wasted: 0 });
    return seconds[index] as Second;
  };
  const addressOf = (network: number) => `10.${(network >> 8) & 255}.${network & 255}.1`;
  /** The moment at which a password has been verified, on the thread that is free first; `null`: too many wait. */
  const verify = (now: number): number | null => {
    const free = threads.indexOf(Math.min(...threads));
    const start = Math.max(now, threads[free] ?? 0);
    if ((start - now) / verificationMs > limits.verificationsWaiting / threads.length) return null;
    threads[free] = start + verificationMs;
    return start + verificationMs;
  };
  const again = (device: Device, now: number, askedMs: number | null = null) => {
    const wait = device.backOff.next('fault', backOff, random(), askedMs);
    heap.put([now + wait, () => dial(device, now + wait)]);
  };
  const dial = (device: Device, now: number) => {
    if (now < awayMs) return again(device, now);
    second(now).attempts++;
    const address = addressOf(Math.floor(device.number / perNetwork));
    const claimed = known ? String(device.number) : null;
    const place = scrypt
      ? admission?.admitSlow({ address, device: claimed }, now)
      : admission?.admit({ address, device: String(device.number) }, now);
    if (typeof place === 'number') {
      second(now).asked++;
      return again(device, now, place * 1000);
    }
    if (!scrypt) {
      second(now).connected++;
      left--;
      return;
    }
    const done = verify(now);
    // Devices that wait too long have gone by then.
    const gone = done !== null && done - now > patienceMs;
    if (done === null || gone) again(device, gone ? now + patienceMs : now);
    if (done === null) return place?.end('neither', now);
    heap.put([
      done,
      () => {
        place?.end('letIn', done, String(device.number));
        second(done)[gone ? 'wasted' : 'connected']++;
        if (!gone) left--;
      },
    ]);
  };
  const guess = (number: number, now: number) => {
    if (!guesses) return;
    const next = now + 1000 / guesses.perSecond;
    heap.put([next, () => guess(number + 1, next)]);
    const address = guesses.addresses[number % guesses.addresses.length] ?? '';
    const place = admission?.admitSlow({ address, device: null }, now);
    if (typeof place !== 'object') return;
    const done = verify(now);
    if (done === null) place.end('neither', now);
    else heap.put([done, () => place.end('failed', done)]);
  };
  const loop = (now: number) => {
    const next = now + 1000 / looping;
    heap.put([next, () => loop(next)]);
    const from = { address: '192.0.2.77', device: 'looping' };
    const place = scrypt ? admission?.admitSlow(from, now) : admission?.admit(from, now);
    if (!scrypt || typeof place !== 'object' || !place) return;
    const done = verify(now);
    if (done === null) place.end('neither', now);
    else heap.put([done, () => place.end('letIn', done, from.device)]);
  };
  if (looping > 0) heap.put([awayMs, () => loop(awayMs)]);
  if (guesses) heap.put([awayMs, () => guess(0, awayMs)]);
  for (let number = 0; number < devices; number++) again({ number, backOff: new BackOff() }, 0);
  for (let event = heap.take(); event && event[0] < untilMs && left > 0; event = heap.take()) event[1]();
  return seconds;
}

/** Reproducible numbers, uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A binary heap, the earliest event first. */
class EventHeap {
  readonly #events: Event[] = [];

  put(event: Event): void {
    const events = this.#events;
    let at = events.push(event) - 1;
    for (let up = (at - 1) >> 1; at > 0 && time(events, up) > event[0]; up = (at - 1) >> 1) {
      events[at] = events[up] as Event;
      at = up;
    }
    events[at] = event;
  }

  take(): Event | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (!last || events.length === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= events.length) break;
      if (down + 1 < events.length && time(events, down + 1) < time(events, down)) down++;
      if (time(events, down) >= last[0]) break;
      events[at] = events[down] as Event;
      at = down;
    }
    events[at] = last;
    return first;
  }
}

function time(events: readonly Event[], at: number): number {
  return events[at]?.[0] ?? Number.POSITIVE_INFINITY;
}
