import { hostAndPort, ProtocolError, printable } from 'rm-protocol';
import type { Connection } from '../dial/connection.ts';
import { Connector } from '../dial/connector.ts';
import { Deadline } from '../dial/deadline.ts';
import { namingRoute, type Route, RouteList, summary } from '../dial/routes.ts';
import { type StepFailure, Steps } from '../dial/steps.ts';
import type { Cancellable, Host } from '../host.ts';
import { type ByteStream, directStream } from './broker-connection.ts';
import type { BrokerSettings } from './broker-settings.ts';
import { upgradeToWebSocket } from './web-socket-stream.ts';

export interface BrokerAttemptEvents {
  /** MQTT can be spoken. `broker` is HOST:PORT. */
  opened(stream: ByteStream, broker: string): void;
  /** All that could be tried has failed. */
  failed(reason: string): void;
}

/** One attempt to reach a broker: each one by each route to it. It ends with `opened` or `failed`, unless cancelled. */
export class BrokerAttempt implements Cancellable {
  readonly #host: Host;
  readonly #settings: BrokerSettings;
  readonly #events: BrokerAttemptEvents;
  readonly #steps: Steps;
  readonly #routes: RouteList;
  readonly #failures: StepFailure[] = [];
  #connector: Connector | null = null;
  #connection: Connection | null = null;

  constructor(host: Host, settings: BrokerSettings, events: BrokerAttemptEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    const silent = { step: () => undefined, passed: () => undefined };
    this.#steps = new Steps(silent, new Deadline(host.clock), settings.stepTimeoutMs);
    this.#routes = new RouteList(
      settings.brokers.map(({ uri }) => uri),
      settings.proxiesFor,
    );
    this.#next();
  }

  cancel(): void {
    this.#steps.end();
    this.#connector?.cancel();
    this.#connector = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  #next(): boolean {
    this.cancel();
    const route = this.#routes.next();
    if (!route) return false;
    this.#connector = new Connector(this.#host, this.#settings, route.uri, route.proxy, this.#steps, {
      opened: (connection) => this.#connected(route, connection),
      failed: ({ message, at }) => {
        if (at === 'proxy') this.#routes.proxyFailed(route.proxy);
        this.#lost(at === 'reflector' ? namingRoute(message, route) : message);
      },
    });
    return true;
  }

  #connected(route: Route, connection: Connection): void {
    this.#connector = null;
    const { uri } = route;
    const place = hostAndPort(uri.host, uri.port);
    const opened = (stream: ByteStream) => {
      this.#steps.end();
      this.#connection = null;
      this.#events.opened(stream, place);
    };
    if (!this.#settings.brokers.some((broker) => broker.uri === uri && broker.webSocket)) {
      opened(directStream(connection));
      return;
    }
    const fail = (reason: string) => this.#lost(namingRoute(`${place}: ${reason}`, route));
    this.#connection = connection;
    this.#steps.begin('upgrade', place, ({ message }) => fail(message));
    const { headBytes } = this.#settings.limits;
    try {
      upgradeToWebSocket(connection, { crypto: this.#host.crypto, uri, headBytes }, opened, fail);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      fail(error.message);
    }
  }

  #lost(message: string): void {
    const failure = {
      step: this.#steps.current,
      kind: 'fault',
      message: printable(message),
      retryAfterMs: null,
    } as const;
    this.#failures.push(failure);
    if (!this.#next())
      this.#events.failed(summary(this.#failures, failure, this.#settings.limits.reasonLength).message);
  }
}
