import { signal } from '@preact/signals';
import type { Cast, CastEvent } from './cast.ts';

/** Where a recording is shown. */
export interface Stage {
  /** As if nothing had been shown. */
  reset(columns: number, rows: number): void;
  show(text: string): void;
  resize(columns: number, rows: number): void;
}

/** Monotonic ms, and a call at the next picture. */
export interface PlayerClock {
  now(): number;
  next(call: () => void): () => void;
}

export const speeds = [1, 2, 4, 8] as const;

/** Shows a recording in its time, or faster, from any point of it. */
export class Player {
  readonly isPlaying = signal(false);
  /** ms of the recording. */
  readonly at = signal(0);
  readonly speed = signal<(typeof speeds)[number]>(1);
  readonly #cast: Cast;
  readonly #stage: Stage;
  readonly #clock: PlayerClock;
  /** Events that have been shown. */
  #shown = 0;
  #before = 0;
  #cancel = () => {};

  constructor(cast: Cast, stage: Stage, clock: PlayerClock) {
    this.#cast = cast;
    this.#stage = stage;
    this.#clock = clock;
    stage.reset(cast.columns, cast.rows);
  }

  get ms(): number {
    return this.#cast.ms;
  }

  play(): void {
    if (this.isPlaying.value) return;
    if (this.at.value >= this.ms) this.seek(0);
    this.isPlaying.value = true;
    this.#before = this.#clock.now();
    this.#wait();
  }

  pause(): void {
    this.isPlaying.value = false;
    this.#cancel();
  }

  /** What was shown before is shown at once. */
  seek(ms: number): void {
    const to = Math.min(Math.max(0, ms), this.ms);
    if (to < this.at.value) {
      this.#shown = 0;
      this.#stage.reset(this.#cast.columns, this.#cast.rows);
    }
    this.#showUntil(to);
  }

  #wait(): void {
    this.#cancel = this.#clock.next(() => {
      const now = this.#clock.now();
      const to = this.at.value + (now - this.#before) * this.speed.value;
      this.#before = now;
      this.#showUntil(Math.min(to, this.ms));
      if (to >= this.ms) this.isPlaying.value = false;
      else this.#wait();
    });
  }

  #showUntil(ms: number): void {
    const { events } = this.#cast;
    let text = '';
    for (let event = events[this.#shown]; event && event.at <= ms; event = events[++this.#shown]) {
      if (event.kind === 'output') text += event.text;
      else {
        this.#flush(text, event);
        text = '';
      }
    }
    if (text !== '') this.#stage.show(text);
    this.at.value = ms;
  }

  #flush(text: string, { columns, rows }: Extract<CastEvent, { readonly kind: 'size' }>): void {
    if (text !== '') this.#stage.show(text);
    this.#stage.resize(columns, rows);
  }
}
