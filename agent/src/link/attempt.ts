import {
  type Challenge,
  formatHttpUri,
  type HttpUri,
  hostHeader,
  ProtocolError,
  printable,
  type ResponseHead,
} from 'rm-protocol';
import type { Connection, ConnectionHandler } from '../dial/connection.ts';
import type { Route } from '../dial/proxy-server.ts';
import type { Cancellable, Host, HostError, Socket } from '../host.ts';
import type { DialSettings } from './attempt-settings.ts';
import type { FailureKind } from './back-off.ts';
import { Passage } from './connector.ts';
import { Deadline } from './deadline.ts';
import { bySameWay, type Candidate, Candidates, summary } from './routes.ts';
import { type StepEvents, type StepFailure, Steps } from './steps.ts';
import { type UpgradeAnswer, UpgradeExchange } from './upgrade.ts';

/** An upgraded connection. The socket's events go where `deliverTo` says; until then they must not be waited for. */
export interface Upgraded {
  readonly socket: Socket;
  readonly uri: HttpUri;
  readonly route: Route;
  /** What had been tried before in vain. */
  readonly failures: readonly StepFailure[];
  readonly response: ResponseHead;
  deliverTo(handler: ConnectionHandler): void;
  /** Bytes that came behind the response head. */
  readonly early: Uint8Array;
}

export interface AttemptEvents extends StepEvents {
  /** A reflector is tried, by one way. */
  trying(candidate: Candidate): void;
  upgraded(connection: Upgraded): void;
  /** One reflector, by one way, was of no use. The next one is tried, or `failed` follows. */
  lost(failure: StepFailure): void;
  /** All that could be tried has failed. */
  failed(failure: StepFailure): void;
}

/** Redirects followed in one attempt; more are a loop. */
const MAX_REDIRECTS = 5;

/**
 * One attempt to get from nothing to an upgraded connection: each reflector by each way to it, until one takes the
 * upgrade, with redirects followed and Digest challenges answered. It ends with `upgraded` or `failed`, unless cancelled.
 */
export class Attempt implements Cancellable {
  readonly #host: Host;
  readonly #settings: DialSettings;
  readonly #events: AttemptEvents;
  readonly #steps: Steps;
  readonly #candidates: Candidates;
  readonly #failures: StepFailure[] = [];
  #redirects = 0;
  #passage: Passage | null = null;
  #connection: Connection | null = null;

  constructor(host: Host, settings: DialSettings, events: AttemptEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    this.#steps = new Steps(events, new Deadline(host.clock), settings.stepTimeoutMs);
    this.#candidates = new Candidates(settings.reflectors, settings.routes);
    this.#next();
  }

  cancel(): void {
    this.#steps.end();
    this.#passage?.cancel();
    this.#passage = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  /** `challenge` is what the reflector has answered to the upgrade without credentials. */
  #dial(candidate: Candidate, challenge: Challenge | null): void {
    this.#passage = new Passage(this.#host, this.#settings, candidate.uri, candidate.route, this.#steps, {
      opened: (connection) => this.#upgrade(candidate, challenge, connection),
      failed: ({ kind, message, at }) => {
        if (at === 'proxy') this.#candidates.proxyFailed(candidate.route);
        this.#lost(kind, at === 'reflector' ? bySameWay(message, candidate) : message);
      },
    });
  }

  #upgrade(candidate: Candidate, challenge: Challenge | null, connection: Connection): void {
    const { uri } = candidate;
    const broken = ({ message }: HostError) =>
      this.#lost('fault', bySameWay(`${uri.host} port ${uri.port}: ${message}`, candidate));
    this.#passage = null;
    this.#connection = connection;
    this.#steps.begin('upgrade', formatHttpUri(uri), broken);
    const exchange = new UpgradeExchange(this.#host, this.#settings, uri, challenge);
    connection.handler = {
      data: (bytes, start, end) => {
        const answer = exchange.receive(bytes, start, end);
        if (answer) this.#answered(candidate, connection, answer);
      },
      taken: () => undefined,
      ended: () => connection.socket.end(),
      closed: (error) => broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
    try {
      connection.socket.write(exchange.request());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lost('refusal', error.message);
    }
  }

  #answered(candidate: Candidate, connection: Connection, answer: UpgradeAnswer): void {
    const { uri, route } = candidate;
    if ('upgraded' in answer) {
      this.#steps.end();
      this.#connection = null;
      this.#events.upgraded({
        socket: connection.socket,
        uri,
        route,
        failures: this.#failures,
        response: answer.upgraded,
        early: answer.early,
        deliverTo: (handler) => {
          connection.handler = handler;
        },
      });
    } else if ('failed' in answer) {
      if (answer.settled) this.#candidates.settled(candidate);
      this.#lost(answer.kind, bySameWay(answer.failed, candidate), answer.askedMs);
    } else if ('challenge' in answer) {
      this.cancel();
      this.#dial(candidate, answer.challenge);
    } else if (++this.#redirects > MAX_REDIRECTS) {
      this.#candidates.settled(candidate);
      this.#lost('fault', `${hostHeader(uri)}: more than ${MAX_REDIRECTS} redirects`);
    } else {
      this.#steps.passed(`redirected to ${formatHttpUri(answer.redirect)}`);
      this.#candidates.redirected(candidate, answer.redirect);
      this.#next();
    }
  }

  #next(): boolean {
    this.cancel();
    const candidate = this.#candidates.next();
    if (!candidate) return false;
    this.#events.trying(candidate);
    this.#dial(candidate, null);
    return true;
  }

  #lost(kind: FailureKind, message: string, askedMs: number | null = null): void {
    const failure = { step: this.#steps.current, kind, message: printable(message), askedMs };
    this.#failures.push(failure);
    this.#events.lost(failure);
    if (!this.#next())
      this.#events.failed(summary(this.#failures, failure, this.#settings.limits.reasonLength));
  }
}
