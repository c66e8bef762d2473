import type { WebRequest } from 'rm-reflector/ports';
import type { KeptAnswer } from './kept-answer.ts';

/** What is kept of one device, as it was when it said this version of itself. */
export class DeviceAnswers {
  readonly #uid: string;
  readonly #version: string | undefined;
  /** By port and target, then by whom they are for. */
  readonly #byUrl = new Map<string, Map<string, KeptAnswer>>();

  constructor({ uid, properties }: WebRequest['device']) {
    this.#uid = uid;
    this.#version = properties.version;
  }

  /** It is still the same device, with the same version. */
  isOf({ uid, properties }: WebRequest['device']): boolean {
    return uid === this.#uid && properties.version === this.#version;
  }

  get empty(): boolean {
    return this.#byUrl.size === 0;
  }

  get(url: string, place: string): KeptAnswer | null {
    return this.#byUrl.get(url)?.get(place) ?? null;
  }

  /** Keeps it in the place of what was there. */
  set(url: string, place: string, answer: KeptAnswer): void {
    this.get(url, place)?.drop();
    let places = this.#byUrl.get(url);
    if (!places) {
      places = new Map();
      this.#byUrl.set(url, places);
    }
    places.set(place, answer);
  }

  delete(url: string, place: string, answer: KeptAnswer): void {
    const places = this.#byUrl.get(url);
    if (places?.get(place) !== answer) return;
    places.delete(place);
    if (places.size === 0) this.#byUrl.delete(url);
  }

  /** Drops what is kept of this address, whoever it is for. */
  dropUrl(url: string): void {
    for (const answer of [...(this.#byUrl.get(url)?.values() ?? [])]) answer.drop();
  }

  /** Drops all of it. Returns how many they were. */
  drop(): number {
    const all = [...this.#byUrl.values()].flatMap((places) => [...places.values()]);
    for (const answer of all) answer.drop();
    return all.length;
  }
}
