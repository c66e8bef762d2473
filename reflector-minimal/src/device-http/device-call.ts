import type { Cancellable, Clock } from 'rm-protocol';
import type { DeviceChannel } from '../ports/presence.ts';
import { NoAnswer, NoConnection } from './call-failure.ts';
import { type DeviceMessage, isRepeatable } from './device-message.ts';
import type { ResponseHead } from './response-head.ts';
import type { ResponseEvents } from './response-reader.ts';

/** What becomes of a request. An event that throws ends the call with `fault`. */
export interface CallEvents extends Omit<ResponseEvents, 'switched'> {
  /** The connection stands, and the body of the request may be written. */
  ready(): void;
  /** More of the body may be written. */
  drain(): void;
  /**
   * Comes after `end`, and once the request is through as well, or the device takes no more of it: now the user may learn
   * that the response is whole. After a refusal the rest of the request may still be written.
   */
  finished(): void;
  /** The device has taken the upgrade. `rest`: what has come behind its head. The channel is paused. */
  switched(head: ResponseHead, channel: DeviceChannel, rest: Buffer): void;
  /** There is no response, or not all of it. Nothing comes after. */
  failed(error: Error): void;
  /** A fault of ours. Nothing comes after. */
  fault(error: unknown): void;
}

export interface CallLimits {
  /** Time without progress until the response head, or while a device that has answered takes the rest of the request. */
  readonly responseMs: number;
  /** The latter when the device has refused, whether it or the user does not go on. */
  readonly earlyRefusalMs: number;
}

/** What makes connections for calls. */
export interface CallPlace {
  readonly clock: Clock;
  enqueue(call: DeviceCall): void;
  forget(call: DeviceCall): void;
}

/** The connection on which a call is made. */
export interface CallCarrier {
  readonly channel: Pick<DeviceChannel, 'pause' | 'resume'>;
  /** The device authenticates the connection itself. */
  readonly authenticated: boolean;
  /** Whether all that was written has been sent, and the device has taken it as far as is known. */
  readonly flushed: boolean;
  write(piece: Buffer): boolean;
  endBody(trailers: readonly (readonly [name: string, value: string])[]): void;
  /** Whether anything has moved since it was last asked. */
  moved(): boolean;
  /** The exchange is over, and another call may follow. */
  release(): void;
  abort(): void;
}

/**
 * One request to a device and its response. The request goes on until it is through, whatever the device answers
 * meanwhile (RFC 9112 section 9.3): a device may answer first and read afterwards.
 */
export class DeviceCall {
  readonly message: DeviceMessage;
  readonly repeatable: boolean;
  /** Sent again after an idle connection had been closed. */
  repeated = false;
  /** Tried again after a new connection had been refused. */
  deferred = false;
  readonly #events: CallEvents;
  readonly #limits: CallLimits;
  readonly #place: CallPlace;
  #connection: CallCarrier | null = null;
  #over = false;
  #requestEnded: boolean;
  /** Of the final response; 0: none yet. */
  #status = 0;
  #responseEnded = false;
  #finished = false;
  /** When something moved last. */
  #since = 0;
  #timer: Cancellable | null = null;

  constructor(place: CallPlace, message: DeviceMessage, limits: CallLimits, events: CallEvents) {
    this.message = message;
    this.repeatable = isRepeatable(message);
    this.#requestEnded = message.body === 'none';
    this.#place = place;
    this.#limits = limits;
    this.#events = events;
  }

  // --- called by the user's side ---

  start(): void {
    this.#since = this.#place.clock.now();
    this.#arm(this.#limits.responseMs);
    this.#place.enqueue(this);
  }

  /** Nothing more happens. */
  get over(): boolean {
    return this.#over;
  }

  /** The connection authenticates the user (NTLM, Negotiate). */
  get connectionAuthenticated(): boolean {
    return this.#connection?.authenticated ?? false;
  }

  /** Sends a piece of the body; false: wait for `drain`. What comes after the end of the call is dropped. */
  write(piece: Buffer): boolean {
    if (this.#over || !this.#connection || this.#requestEnded) return true;
    return this.#connection.write(piece);
  }

  /** The request is whole. `trailers` count only in a chunked body. */
  end(trailers: readonly (readonly [name: string, value: string])[] = []): void {
    if (this.#over || this.#requestEnded) return;
    this.#requestEnded = true;
    this.#connection?.endBody(trailers);
    this.settle();
  }

  pause(): void {
    this.#connection?.channel.pause();
  }

  resume(): void {
    this.#connection?.channel.resume();
  }

  /** The user has gone: the connection is reset, and no event comes any more. */
  cancel(): void {
    if (this.#over) return;
    const connection = this.#connection;
    this.#close();
    this.#place.forget(this);
    connection?.abort();
  }

  /** Of a request that the device has answered, the rest is not sent. */
  abandonRequest(): void {
    if (this.#over || !this.#responseEnded) return;
    this.#connection?.abort();
    this.#finish();
    this.#close();
  }

  // --- called by the connection ---

  /** Both directions are through when this is true and the response has ended. */
  get requestEnded(): boolean {
    return this.#requestEnded;
  }

  get responseEnded(): boolean {
    return this.#responseEnded;
  }

  carriedBy(connection: CallCarrier | null): void {
    this.#connection = connection;
    this.#since = this.#place.clock.now();
  }

  bodyWanted(): void {
    if (this.message.body !== 'none') this.#notify(() => this.#events.ready());
  }

  drained(): void {
    this.#notify(() => this.#events.drain());
  }

  /** The tunnel or the device has taken something of the request. */
  progressed(): void {
    this.#since = this.#place.clock.now();
    this.#connection?.moved();
    this.settle();
  }

  interim(head: ResponseHead): void {
    this.#notify(() => this.#events.interim(head));
  }

  head(head: ResponseHead): void {
    this.#status = head.status;
    this.#disarm();
    this.#notify(() => this.#events.head(head));
  }

  body(piece: Buffer, last: boolean): void {
    this.#notify(() => this.#events.body(piece, last));
  }

  responseEnd(trailers: readonly string[]): void {
    this.#responseEnded = true;
    this.#notify(() => this.#events.end(trailers));
  }

  switched(head: ResponseHead, channel: DeviceChannel, rest: Buffer): void {
    this.#notify(() => this.#events.switched(head, channel, rest));
    this.#close();
  }

  /** Ends the call when nothing is left to do; else waits for the request to get through. */
  settle(): void {
    if (this.#over || !this.#responseEnded) return;
    if (this.#connection && !(this.#requestEnded && this.#connection.flushed)) {
      if (!this.#timer && !this.#finished) {
        this.#since = this.#place.clock.now();
        this.#arm(this.#patience);
      }
      return;
    }
    this.#connection?.release();
    this.#finish();
    this.#close();
  }

  fail(error: Error): void {
    if (this.#over) return;
    // A response that was whole is not spoilt by what comes after.
    if (this.#responseEnded) this.#finish();
    else this.#notify(() => this.#events.failed(error));
    this.#close();
  }

  /** A fault of ours has ended it. */
  spoil(error: unknown): void {
    if (this.#over) return;
    const connection = this.#connection;
    this.#close();
    this.#place.forget(this);
    connection?.abort();
    this.#events.fault(error);
  }

  // --- time ---

  get #patience(): number {
    return this.#status >= 300 ? this.#limits.earlyRefusalMs : this.#limits.responseMs;
  }

  #arm(ms: number, left = ms): void {
    this.#timer?.cancel();
    this.#timer = this.#place.clock.schedule(Math.max(1, left), () => this.#expired(ms));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #expired(ms: number): void {
    this.#timer = null;
    if (this.#over) return;
    const left = this.#since + ms - this.#place.clock.now();
    if (left > 0) this.#arm(ms, left);
    else if (this.#responseEnded) this.#requestStalled();
    else this.#answerMissing();
  }

  #answerMissing(): void {
    const connection = this.#connection;
    // A user who sends nothing is judged elsewhere (`limits.bodyIdleMs`), and is no fault of the device.
    const waits = connection !== null && !this.#requestEnded && connection.flushed;
    if (connection?.moved() || waits) {
      this.#arm(this.#limits.responseMs);
      return;
    }
    this.#place.forget(this);
    connection?.abort();
    this.fail(connection ? new NoAnswer('no answer in time') : new NoConnection('no connection in time'));
  }

  #requestStalled(): void {
    const connection = this.#connection;
    const waits = connection !== null && !this.#requestEnded && connection.flushed;
    if (connection?.moved() || (waits && this.#status < 300)) this.#arm(this.#patience);
    // Many users stop sending once they are refused, and wait for the end of the answer.
    else if (this.#status >= 300) this.#finish();
    else this.#cutOff();
  }

  /** The device has said that all is well, and does not take all of it: that must not look like success. */
  #cutOff(): void {
    this.#connection?.abort();
    this.#notify(() => this.#events.failed(new NoAnswer('the device takes no more of the request')));
    this.#close();
  }

  // --- the end ---

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#notify(() => this.#events.finished());
  }

  #close(): void {
    this.#over = true;
    // It may carry another call now.
    this.#connection = null;
    this.#disarm();
  }

  #notify(event: () => void): void {
    if (this.#over) return;
    try {
      event();
    } catch (error) {
      this.spoil(error);
    }
  }
}
