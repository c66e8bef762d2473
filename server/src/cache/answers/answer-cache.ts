import { createHash } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { CacheUse, ResponseCache, WebRequest } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { type CacheableRequest, readRequest } from './cacheable-request.ts';
import { CachedExchange, type CacheLimits } from './cached-exchange.ts';
import { DeviceAnswers } from './device-answers.ts';
import { FairRoom } from './fair-room.ts';
import { type FreshnessOf, freshnessBy } from './freshness.ts';
import { isChosenBy, type KeptAnswer } from './kept-answer.ts';
import { Readers } from './readers.ts';

/** What has come of requests since the start. */
export interface CacheFigures {
  /** Answered without the device. */
  hits: number;
  /** Answered with what was kept, as the device said that it still holds. */
  revalidated: number;
  /** Answered by the device. */
  misses: number;
  /** Kept. */
  stored: number;
  /** Bytes of bodies that users got and devices did not send. */
  savedBytes: number;
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'TRACE']);

/**
 * Keeps images, style sheets, scripts and fonts of devices in memory (RFC 9111). It decides nothing about access: it is asked only for
 * requests that may be sent to the device at that moment.
 */
export class AnswerCache implements ResponseCache {
  readonly #clock: Clock;
  readonly #limits: CacheLimits;
  readonly #room: FairRoom;
  readonly #freshnessOf: FreshnessOf;
  readonly #readers = new Readers();
  /** By the ID of the device. */
  readonly #devices = new Map<string, DeviceAnswers>();
  readonly figures: CacheFigures = { hits: 0, revalidated: 0, misses: 0, stored: 0, savedBytes: 0 };
  #kept = 0;
  /** How often somebody has emptied it or a part of it: what was asked for before may be of before that. */
  #drops = 0;

  /** `bytes`: of all that is kept, with what it costs besides its bytes; 0: nothing is kept. */
  constructor(clock: Clock, limits: Limits, bytes: number) {
    this.#clock = clock;
    this.#limits = limits;
    this.#room = new FairRoom(bytes);
    this.#freshnessOf = freshnessBy(clock, limits);
  }

  get bytes(): number {
    return this.#room.bytes;
  }

  get used(): number {
    return this.#room.used;
  }

  /** Answers that are kept. */
  get kept(): number {
    return this.#kept;
  }

  use(request: WebRequest): CacheUse | null {
    if (this.#room.bytes === 0) return null;
    if (!safeMethods.has(request.method)) return this.#dropAfter(request);
    const asked = readRequest(request);
    if (!asked) return null;
    const url = urlOf(request);
    const found = this.#find(request, asked, url);
    const most = this.#room.bytes / this.#limits.cacheReadingShare;
    const release = found ? this.#readers.begin(request.user, found.bytes, most) : () => {};
    if (!release) return null;
    const { version } = request.device.properties;
    const drops = this.#drops;
    return new CachedExchange(
      {
        clock: this.#clock,
        limits: this.#limits,
        room: this.#room,
        freshnessOf: this.#freshnessOf,
        figures: this.figures,
        keep: (answer, shared) => {
          // It may be of before an update.
          const isOld = this.#drops !== drops || request.device.properties.version !== version;
          if (isOld) answer.drop();
          else this.#keep(request, url, shared ? asked.shared : asked.own, answer);
        },
      },
      request,
      asked,
      found && { answer: found, release },
    );
  }

  /** All that is kept then is kept in so many bytes; what there was is dropped. */
  resize(bytes: number): void {
    this.clear();
    this.#room.resize(bytes);
  }

  /** Returns how many answers were dropped. */
  clear(): number {
    let dropped = 0;
    for (const id of [...this.#devices.keys()]) dropped += this.clearDevice(id);
    return dropped;
  }

  clearDevice(id: string): number {
    this.#drops++;
    return this.#forget(id);
  }

  #forget(id: string): number {
    const answers = this.#devices.get(id);
    this.#devices.delete(id);
    return answers?.drop() ?? 0;
  }

  /** What is kept of the device as it is now. */
  #of(device: WebRequest['device']): DeviceAnswers | null {
    const answers = this.#devices.get(device.id);
    if (!answers || answers.isOf(device)) return answers ?? null;
    this.#forget(device.id);
    return null;
  }

  #find(request: WebRequest, { own, shared, wanted }: CacheableRequest, url: string): KeptAnswer | null {
    const answers = this.#of(request.device);
    for (const place of [own, shared]) {
      const answer = answers?.get(url, place);
      if (!answer || !isChosenBy(answer.facts, request.deviceHeaders)) continue;
      if (wanted === null || wanted === answer.facts.kind) return answer;
    }
    return null;
  }

  #keep({ device }: WebRequest, url: string, place: string, answer: KeptAnswer): void {
    const known = this.#devices.get(device.id);
    // Another one has come in its place meanwhile.
    if (known && !known.isOf(device)) {
      answer.drop();
      return;
    }
    const these = known ?? new DeviceAnswers(device);
    // Not the device itself: its tunnel would stay for as long as the answer does.
    const { id } = device;
    const forget = () => {
      this.#kept--;
      these.delete(url, place, answer);
      if (these.empty && this.#devices.get(id) === these) this.#devices.delete(id);
    };
    if (!answer.finish(forget)) return;
    this.#kept++;
    this.figures.stored++;
    these.set(url, place, answer);
    this.#devices.set(id, these);
  }

  /** What a request may have changed is not given any more (RFC 9111 section 4.4). */
  #dropAfter(request: WebRequest): CacheUse {
    const drop = () => this.#devices.get(request.device.id)?.dropUrl(urlOf(request));
    return {
      stored: null,
      added: [],
      answered({ status }) {
        if (status < 400) drop();
        return { instead: null, added: [] };
      },
      body() {},
      whole() {},
      closed() {},
    };
  }
}

/** Of a fixed length, whatever the user has sent: it is not counted. */
function urlOf({ port, target }: WebRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([port, target]))
    .digest('base64url');
}
