import { vi } from 'vitest';
import { Collected } from '../../protocol/src/testing/bytes.ts';
import type { HostError, SocketHandler, TlsSession } from '../src/host.ts';

/** Waits until `check` no longer throws. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 120_000, interval: 2 });
}

/** Notes what a real socket reports, for tests of host adapters. */
export class Recorder implements SocketHandler {
  /** Names of events in their order; a run of `data` or `taken` is noted once. */
  readonly events: string[] = [];
  readonly received = new Collected();
  takenBytes = 0;
  session: TlsSession | null = null;
  error: HostError | null | undefined;

  connected(): void {
    this.#note('connected');
  }

  secured(session: TlsSession): void {
    this.session = session;
    this.#note('secured');
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.received.add(bytes, start, end);
    this.#note('data');
  }

  taken(count: number): void {
    this.takenBytes += count;
    this.#note('taken');
  }

  ended(): void {
    this.#note('ended');
  }

  closed(error: HostError | null): void {
    this.error = error;
    this.#note(`closed ${error?.code ?? 'null'}`);
  }

  /** Waits for an event of this name. */
  async saw(name: string): Promise<void> {
    await vi.waitFor(
      () => {
        if (!this.events.includes(name)) throw new Error(`no ${name} among ${this.events.join(', ')}`);
      },
      { timeout: 120_000, interval: 2 },
    );
  }

  #note(name: string): void {
    if (this.events.at(-1) !== name || (name !== 'data' && name !== 'taken')) this.events.push(name);
  }
}
