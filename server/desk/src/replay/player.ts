import { signal } from '@preact/signals';
import { limits } from '../limits.ts';
import type { Cast } from './cast.ts';

/** Where a recording is shown. Each resolves when it has been done. */
export interface Stage {
  /** As if nothing had been shown. */
  reset(columns: number, rows: number): Promise<void>;
  show(text: string): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
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
  /** ms of the recording. Until the stage has done what is due, it shows an earlier point. */
  readonly at = signal(0);
  readonly speed = signal<(typeof speeds)[number]>(1);
  readonly #cast: Cast;
  readonly #stage: Stage;
  readonly #clock: PlayerClock;
  /** Events that have been shown. */
  #shown = 0;
  /** The stage does what is due. */
  #isBusy = false;
  #before = 0;
  #cancel = () => {};

  constructor(cast: Cast, stage: Stage, clock: PlayerClock) {
    this.#cast = cast;
    this.#stage = stage;
    this.#clock = clock;
    this.#work(this.#reset());
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

  /** What was shown before is shown as fast as the stage can. */
  seek(ms: number): void {
    this.at.value = Math.min(Math.max(0, ms), this.ms);
    if (!this.#isBusy) this.#work(this.#step());
  }

  #wait(): void {
    this.#cancel = this.#clock.next(() => {
      const now = this.#clock.now();
      const passed = (now - this.#before) * this.speed.value;
      this.#before = now;
      // No time passes until the stage shows what is due.
      if (!this.#isBusy) this.seek(this.at.value + passed);
      if (this.at.value >= this.ms) this.isPlaying.value = false;
      else this.#wait();
    });
  }

  /** One step after the other, so that little waits for the stage: whoever drags the position back wants none of it any more. */
  #work(first: Promise<void> | null): void {
    this.#isBusy = true;
    const all = async () => {
      for (let step = first; step; step = this.#step()) await step;
      this.#isBusy = false;
    };
    all().catch((error) => reportError(error));
  }

  /** The next of what is due; `null` if there is nothing. */
  #step(): Promise<void> | null {
    const { events } = this.#cast;
    const last = events[this.#shown - 1];
    if (last && last.at > this.at.value) return this.#reset();
    let text = '';
    for (;;) {
      const event = events[this.#shown];
      if (!event || event.at > this.at.value || text.length >= limits.replayPieceCharacters) break;
      if (event.kind === 'size' && text !== '') break;
      this.#shown++;
      if (event.kind === 'size') return this.#stage.resize(event.columns, event.rows);
      text += event.text;
    }
    return text === '' ? null : this.#stage.show(text);
  }

  #reset(): Promise<void> {
    this.#shown = 0;
    return this.#stage.reset(this.#cast.columns, this.#cast.rows);
  }
}
