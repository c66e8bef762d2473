import type { Connection, ConnectionHandler } from '../connect/race.ts';
import type { Cancellable, Host, HostError, Socket } from '../host/host.ts';
import {
  type Challenge,
  formatHttpUri,
  type HttpUri,
  hostHeader,
  ProtocolError,
  type ResponseHead,
} from '../protocol/index.ts';
import type { FailureKind } from './back-off.ts';
import { Deadline } from './deadline.ts';
import { Passage } from './passage.ts';
import type { DialSettings } from './settings.ts';
import { type StepEvents, type StepFailure, Steps } from './steps.ts';
import { type UpgradeAnswer, UpgradeExchange } from './upgrade.ts';

/** An upgraded connection. The socket's events go where `deliverTo` says; until then they must not be waited for. */
export interface Upgraded {
  readonly socket: Socket;
  readonly uri: HttpUri;
  readonly response: ResponseHead;
  deliverTo(handler: ConnectionHandler): void;
  /** Bytes that came behind the response head. */
  readonly early: Uint8Array;
}

export interface AttemptEvents extends StepEvents {
  upgraded(connection: Upgraded): void;
  failed(failure: StepFailure): void;
}

/** Redirects followed in one attempt; more are a loop. */
const MAX_REDIRECTS = 5;

/**
 * One attempt to get from nothing to an upgraded connection, with redirects followed and a Digest challenge answered.
 * It ends with `upgraded` or `failed`, unless cancelled.
 */
export class Attempt implements Cancellable {
  readonly #host: Host;
  readonly #settings: DialSettings;
  readonly #events: AttemptEvents;
  readonly #steps: Steps;
  #uri: HttpUri;
  #redirects = 0;
  #challenge: Challenge | null = null;
  #passage: Passage | null = null;
  #connection: Connection | null = null;

  constructor(host: Host, settings: DialSettings, events: AttemptEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    this.#steps = new Steps(events, new Deadline(host.clock), settings.stepTimeoutMs);
    this.#uri = settings.reflector;
    this.#dial();
  }

  cancel(): void {
    this.#steps.end();
    this.#passage?.cancel();
    this.#passage = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  #dial(): void {
    this.#passage = new Passage(this.#host, this.#settings, this.#uri, this.#steps, {
      opened: (connection) => this.#upgrade(connection),
      failed: (kind, message) => this.#fail(kind, message),
    });
  }

  #upgrade(connection: Connection): void {
    const uri = this.#uri;
    const broken = (error: HostError) =>
      this.#fail('fault', `${uri.host} port ${uri.port}: ${error.message}`);
    this.#passage = null;
    this.#connection = connection;
    this.#steps.begin('upgrade', formatHttpUri(uri), broken);
    const exchange = new UpgradeExchange(this.#host, this.#settings, uri, this.#challenge);
    connection.handler = {
      data: (bytes, start, end) => {
        const answer = exchange.receive(bytes, start, end);
        if (answer) this.#answered(connection, answer);
      },
      taken: () => undefined,
      ended: () => connection.socket.end(),
      closed: (error) => broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
    try {
      connection.socket.write(exchange.request());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail('refusal', error.message);
    }
  }

  #answered(connection: Connection, answer: UpgradeAnswer): void {
    if ('upgraded' in answer) {
      this.#steps.end();
      this.#connection = null;
      this.#events.upgraded({
        socket: connection.socket,
        uri: this.#uri,
        response: answer.upgraded,
        early: answer.early,
        deliverTo: (handler) => {
          connection.handler = handler;
        },
      });
    } else if ('failed' in answer) {
      this.#fail(answer.kind, answer.failed, answer.askedMs);
    } else if ('challenge' in answer) {
      this.#challenge = answer.challenge;
      this.cancel();
      this.#dial();
    } else if (++this.#redirects > MAX_REDIRECTS) {
      this.#fail('fault', `${hostHeader(this.#uri)}: more than ${MAX_REDIRECTS} redirects`);
    } else {
      this.#steps.passed(`redirected to ${formatHttpUri(answer.redirect)}`);
      this.#uri = answer.redirect;
      this.#challenge = null;
      this.cancel();
      this.#dial();
    }
  }

  #fail(kind: FailureKind, message: string, askedMs: number | null = null): void {
    this.cancel();
    this.#events.failed({ step: this.#steps.current, kind, message, askedMs });
  }
}
