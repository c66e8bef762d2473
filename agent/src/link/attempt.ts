import {
  type Challenge,
  formatHttpUri,
  type HttpUri,
  hostHeader,
  ProtocolError,
  printable,
  type ResponseHead,
} from 'rm-protocol';
import type { FailureKind } from '../dial/back-off.ts';
import type { Connection, ConnectionHandler } from '../dial/connection.ts';
import { Connector } from '../dial/connector.ts';
import { Deadline } from '../dial/deadline.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';
import { namingRoute, type Route, RouteList, summary } from '../dial/routes.ts';
import { type StepEvents, type StepFailure, Steps } from '../dial/steps.ts';
import type { Cancellable, Host, HostError, Socket } from '../host.ts';
import type { AttemptSettings } from './attempt-settings.ts';
import { EnrolmentExchange } from './enrolment-exchange.ts';
import { type UpgradeAnswer, UpgradeExchange } from './upgrade.ts';

/** An upgraded connection. The socket's events go to the handler of `deliverTo`, which must be called at once. */
export interface Upgraded {
  readonly socket: Socket;
  readonly uri: HttpUri;
  /** `null`: none. */
  readonly proxy: ProxyServer | null;
  /** What had failed before. */
  readonly failures: readonly StepFailure[];
  readonly response: ResponseHead;
  deliverTo(handler: ConnectionHandler): void;
  /** Bytes that came behind the response head. */
  readonly early: Uint8Array;
}

export interface AttemptEvents extends StepEvents {
  /** A reflector is tried, by one route. */
  trying(route: Route): void;
  upgraded(connection: Upgraded): void;
  /** A route has failed. The next one is tried, or `failed` follows. */
  lost(failure: StepFailure): void;
  /** All that could be tried has failed. */
  failed(failure: StepFailure): void;
}

/** Redirects followed in one attempt; more are a loop. */
const MAX_REDIRECTS = 5;

/**
 * One attempt to get from nothing to an upgraded connection: each reflector by each route to it, until one takes the
 * upgrade, with redirects followed and Digest challenges answered. It ends with `upgraded` or `failed`, unless it is cancelled or the
 * enrolment was all.
 */
export class Attempt implements Cancellable {
  readonly #host: Host;
  #settings: AttemptSettings;
  readonly #events: AttemptEvents;
  readonly #steps: Steps;
  readonly #routes: RouteList;
  readonly #failures: StepFailure[] = [];
  #redirects = 0;
  #connector: Connector | null = null;
  #connection: Connection | null = null;

  constructor(host: Host, settings: AttemptSettings, events: AttemptEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    this.#steps = new Steps(events, new Deadline(host.clock), settings.stepTimeoutMs);
    this.#routes = new RouteList(settings.reflectors, settings.proxiesFor);
    this.#next();
  }

  cancel(): void {
    this.#steps.end();
    this.#connector?.cancel();
    this.#connector = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  /** `challenge` is what the reflector has answered to the upgrade without credentials. */
  #dial(route: Route, challenge: Challenge | null): void {
    this.#connector = new Connector(this.#host, this.#settings, route.uri, route.proxy, this.#steps, {
      opened: (connection) => this.#upgrade(route, challenge, connection),
      failed: ({ kind, message, at }) => {
        if (at === 'proxy') this.#routes.proxyFailed(route.proxy);
        this.#lost(kind, at === 'reflector' ? namingRoute(message, route) : message);
      },
    });
  }

  #upgrade(route: Route, challenge: Challenge | null, connection: Connection): void {
    const { uri } = route;
    const broken = ({ message }: HostError) =>
      this.#lost('fault', namingRoute(`${uri.host} port ${uri.port}: ${message}`, route));
    this.#connector = null;
    this.#connection = connection;
    this.#steps.begin('upgrade', formatHttpUri(uri), broken);
    const { enrolment } = this.#settings;
    const exchange = enrolment
      ? new EnrolmentExchange(this.#settings, enrolment, uri)
      : new UpgradeExchange(this.#host, this.#settings, uri, challenge);
    connection.handler = {
      data: (bytes, start, end) => {
        const answer = exchange.receive(bytes, start, end);
        if (answer) this.#answered(route, connection, answer);
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

  #answered(route: Route, connection: Connection, answer: UpgradeAnswer): void {
    const { uri, proxy } = route;
    if ('upgraded' in answer) {
      this.#steps.end();
      this.#connection = null;
      this.#events.upgraded({
        socket: connection.socket,
        uri,
        proxy,
        failures: this.#failures,
        response: answer.upgraded,
        early: answer.early,
        deliverTo: (handler) => {
          connection.handler = handler;
        },
      });
    } else if ('failed' in answer) {
      if (answer.final) this.#routes.answered(route);
      this.#lost(answer.kind, namingRoute(answer.failed, route), answer.retryAfterMs);
    } else if ('enrolled' in answer) {
      this.#steps.passed('enrolled');
      this.cancel();
      if (!answer.enrolled) return;
      this.#settings = answer.enrolled;
      this.#dial(route, null);
    } else if ('challenge' in answer) {
      this.cancel();
      this.#dial(route, answer.challenge);
    } else if (++this.#redirects > MAX_REDIRECTS) {
      this.#routes.answered(route);
      this.#lost('fault', `${hostHeader(uri)}: more than ${MAX_REDIRECTS} redirects`);
    } else {
      this.#steps.passed(`redirected to ${formatHttpUri(answer.redirect)}`);
      this.#routes.redirected(route, answer.redirect);
      this.#next();
    }
  }

  #next(): boolean {
    this.cancel();
    const route = this.#routes.next();
    if (!route) return false;
    this.#events.trying(route);
    this.#dial(route, null);
    return true;
  }

  #lost(kind: FailureKind, message: string, retryAfterMs: number | null = null): void {
    const failure = { step: this.#steps.current, kind, message: printable(message), retryAfterMs };
    this.#failures.push(failure);
    this.#events.lost(failure);
    if (!this.#next())
      this.#events.failed(summary(this.#failures, failure, this.#settings.limits.reasonLength));
  }
}
