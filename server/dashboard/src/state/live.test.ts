import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connection, startLive } from './live.ts';

/** The stream of a browser, of which only what is asked of it is seen. */
class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeEventSource[] = [];
  readyState = 1;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly address: string;

  constructor(address: string) {
    super();
    this.address = address;
    FakeEventSource.opened.push(this);
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }

  say(kind: string, data?: unknown): void {
    this.onmessage?.({ data: JSON.stringify({ cursor: `c-${kind}`, kind, data }) });
  }

  alive(): void {
    const data = JSON.stringify({ cursor: 'c-alive', kind: 'alive' });
    this.dispatchEvent(Object.assign(new Event('alive'), { data }));
  }
}

let page: EventTarget;
let network: EventTarget;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  FakeEventSource.opened = [];
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  network = new EventTarget();
  vi.stubGlobal('EventSource', FakeEventSource);
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', network.addEventListener.bind(network));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const opened = () => FakeEventSource.opened;
const last = () => opened().at(-1) as FakeEventSource;
function live(data: object | null = { aliveSeconds: 25 }): void {
  startLive();
  last().say('ready', data);
}

test('a stream that is silent for a minute is opened again where it was, and one that says it is alive is not', () => {
  live();
  for (let n = 0; n < 20; n++) {
    vi.advanceTimersByTime(25_000);
    last().alive();
  }
  expect([opened().length, connection.value]).toEqual([1, 'live']);
  vi.advanceTimersByTime(60_000);
  expect([opened().length, opened()[0]?.readyState]).toEqual([2, FakeEventSource.CLOSED]);
  expect(last().address).toContain('c-alive');
  vi.advanceTimersByTime(1_500);
  expect(connection.value).toBe('lost');
  // That goes nowhere, too.
  vi.advanceTimersByTime(60_000);
  expect(opened()).toHaveLength(3);
  last().say('ready', { aliveSeconds: 25 });
  expect(connection.value).toBe('live');
});

test('on another network it is opened again at once', () => {
  live();
  vi.advanceTimersByTime(2_000);
  network.dispatchEvent(new Event('online'));
  expect(opened()).toHaveLength(2);
});

test('there is one stream at a time, also where another attempt waits when the network is another one', () => {
  live();
  vi.advanceTimersByTime(2_000);
  last().close();
  last().onerror?.();
  network.dispatchEvent(new Event('online'));
  vi.advanceTimersByTime(10_000);
  expect(opened().length).toBeGreaterThan(2);
  expect(opened().filter(({ readyState }) => readyState !== FakeEventSource.CLOSED)).toEqual([last()]);
});

test('a page that is looked at again after a longer silence opens it at once', () => {
  live();
  vi.advanceTimersByTime(20_000);
  page.dispatchEvent(new Event('visibilitychange'));
  expect(opened()).toHaveLength(1);
  // The machine has slept.
  vi.setSystemTime(Date.now() + 3_600_000);
  page.dispatchEvent(new Event('visibilitychange'));
  expect(opened()).toHaveLength(2);
});

test('the silence of a server that does not say what it means is left alone', () => {
  live(null);
  vi.advanceTimersByTime(600_000);
  page.dispatchEvent(new Event('visibilitychange'));
  expect([opened().length, connection.value]).toEqual([1, 'live']);
});
