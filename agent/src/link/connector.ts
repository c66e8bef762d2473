import { base64Encode, type HttpUri, ProtocolError } from 'rm-protocol';
import type { Connection } from '../dial/connection.ts';
import { interleave } from '../dial/interleave.ts';
import { proxyPlace, type Route } from '../dial/proxy-server.ts';
import { Race } from '../dial/race.ts';
import type { Address, Cancellable, Host, HostError, TlsSession } from '../host.ts';
import type { DialSettings } from './attempt-settings.ts';
import type { FailureKind } from './back-off.ts';
import { HttpConnect } from './http-connect.ts';
import type { HandshakeStep, ProxyAnswer, ProxyHandshake } from './proxy-handshake.ts';
import { SocksConnect } from './socks-connect.ts';
import type { Steps } from './steps.ts';

export interface PassageFailure {
  readonly kind: FailureKind;
  readonly message: string;
  /** Where it has failed: at the proxy, whatever the destination; at the proxy, on the way to this one; or behind it. */
  readonly at: 'proxy' | 'way' | 'reflector';
}

export interface PassageEvents {
  /** The reflector can be spoken to; the connection's handler is to be set before this returns. */
  opened(connection: Connection): void;
  failed(failure: PassageFailure): void;
}

/** One way to one reflector: look-up, TCP, proxy, TLS. It ends with `opened` or `failed`, unless cancelled. */
export class Passage implements Cancellable {
  readonly #host: Host;
  readonly #settings: DialSettings;
  readonly #uri: HttpUri;
  readonly #route: Route;
  readonly #steps: Steps;
  readonly #events: PassageEvents;
  /** What is under way: a look-up or a race. */
  #activity: Cancellable | null = null;
  #connection: Connection | null = null;
  /** Addresses of the configuration that are dialled when those of the name server were no good. */
  #spare: readonly Address[] = [];
  /** What has failed before the spare addresses were dialled, or with an earlier destination. */
  #earlier: string[] = [];
  /** What the proxy is asked for, one after the other: the name of the reflector, or its addresses. */
  #destinations: string[];
  #handshake: ProxyHandshake | null = null;
  #answer: ProxyAnswer | null = null;
  /** The proxy has connected us to the reflector, or there is none. */
  #through: boolean;

  constructor(
    host: Host,
    settings: DialSettings,
    uri: HttpUri,
    route: Route,
    steps: Steps,
    events: PassageEvents,
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#uri = uri;
    this.#route = route;
    this.#steps = steps;
    this.#events = events;
    this.#destinations = [uri.host];
    this.#through = route === null;
    if (route?.scheme === 'socks5') this.#resolveDestinations();
    else this.#resolve();
  }

  cancel(): void {
    this.#activity?.cancel();
    this.#activity = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  // ---- names ----

  #resolveDestinations(): void {
    this.#lookUp(this.#uri.host, 'reflector', (addresses) => {
      this.#destinations = [...addresses, ...this.#spare]
        .slice(0, this.#settings.limits.addresses)
        .map(({ address }) => address);
      this.#spare = [];
      this.#resolve();
    });
  }

  #resolve(): void {
    const at = this.#route ? 'proxy' : 'reflector';
    this.#lookUp((this.#route ?? this.#uri).host, at, (addresses) => this.#connect(addresses));
  }

  /** The addresses of a name; those of the configuration when it has none, else they are `#spare`. */
  #lookUp(host: string, at: 'proxy' | 'reflector', done: (addresses: readonly Address[]) => void): void {
    const fixed = this.#settings.addresses.get(host) ?? [];
    const settle = (found: readonly Address[], error: HostError | null): void => {
      this.#activity?.cancel();
      this.#activity = null;
      const reason = error?.message ?? 'no address';
      if (found.length === 0 && fixed.length === 0) {
        this.#fail('fault', `${at === 'proxy' ? this.#peer : host}: ${reason}`, at);
        return;
      }
      const ordered = interleave(found.length === 0 ? fixed : found, this.#settings.limits.addresses);
      const instead = found.length === 0 ? `${reason}, instead ` : '';
      this.#spare = fixed.filter(({ address }) => !ordered.some((other) => other.address === address));
      this.#steps.passed(`${host}: ${instead}${ordered.map(({ address }) => address).join(', ')}`);
      done(ordered);
    };
    this.#steps.begin('resolving', host, (late) => settle([], late));
    this.#activity = this.#host.network.resolve(host, settle);
  }

  // ---- TCP ----

  #connect(addresses: readonly Address[]): void {
    const { port } = this.#route ?? this.#uri;
    const where = (address = '') => `${address} port ${port}`;
    this.#steps.begin('connecting', where(addresses[0]?.address), (late) => race.expire(late));
    const race = new Race(
      this.#host,
      { addresses, port },
      {
        another: (address) => this.#steps.also(where(address)),
        connected: (connection) => this.#connected(connection),
        failed: (failure) => this.#broken(failure),
      },
    );
    this.#activity = race;
  }

  #connected(connection: Connection): void {
    this.#activity = null;
    this.#connection = connection;
    connection.handler = {
      secured: (session) => this.#secured(session),
      data: (bytes, start, end) =>
        this.#converse((handshake) => handshake.receive(bytes, start, end), 'proxy'),
      taken: () => undefined,
      // An alert that says why may still be on its way to `closed`.
      ended: () => connection.socket.end(),
      closed: (error) =>
        this.#broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
    const route = this.#route;
    this.#steps.passed(`${connection.address} port ${(route ?? this.#uri).port}`);
    if (!route) this.#secure();
    else if (route.scheme === 'https') this.#startTls();
    else this.#askProxy();
  }

  /** A new connection to the address that has answered. */
  #reconnect(): void {
    const { address = '' } = this.#connection ?? {};
    this.cancel();
    this.#connect([{ address, family: address.includes(':') ? 6 : 4 }]);
  }

  // ---- proxy ----

  #askProxy(): void {
    const route = this.#route;
    const [destination = ''] = this.#destinations;
    if (!route) return;
    const { port } = this.#uri;
    this.#steps.begin('proxy', proxyPlace(route), (error) => this.#broken(error));
    this.#handshake = route.scheme.startsWith('socks')
      ? new SocksConnect(destination, port, route.credentials)
      : new HttpConnect(this.#host, {
          authority: `${destination.includes(':') ? `[${destination}]` : destination}:${port}`,
          credentials: route.credentials,
          answer: this.#answer,
          headBytes: this.#settings.limits.headBytes,
        });
    this.#converse((handshake) => ({ send: handshake.start() }), 'way');
  }

  /** `at` is to blame when something cannot be said, or is said wrongly. */
  #converse(turn: (handshake: ProxyHandshake) => HandshakeStep | null, at: 'proxy' | 'way'): void {
    let step: HandshakeStep | null;
    try {
      step = this.#handshake && turn(this.#handshake);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail('fault', `${this.#peer}: ${error.message}`, at);
      return;
    }
    if (step) this.#handshakeStep(step);
  }

  #handshakeStep(step: HandshakeStep): void {
    if ('send' in step) {
      this.#connection?.socket.write(step.send);
    } else if ('authorization' in step) {
      this.#steps.passed(`asks for a password, gets ${step.authorization.replace(/ .*/, '')}`);
      this.#answer = step;
      this.#reconnect();
    } else if ('passed' in step) {
      this.#steps.passed(step.passed);
      this.#handshake = null;
      this.#through = true;
      this.#secure();
    } else {
      const message = `${this.#peer} ${step.failed}`;
      if (step.useless === 'here' && this.#destinations.length > 1) {
        this.#destinations = this.#destinations.slice(1);
        this.#earlier.push(message);
        this.#reconnect();
      } else this.#fail(step.kind, message, step.useless === 'always' ? 'proxy' : 'way');
    }
  }

  // ---- TLS ----

  #secure(): void {
    if (this.#uri.secure) this.#startTls();
    else if (this.#settings.pins.length > 0)
      this.#fail('fault', 'tls.pins demands an https: reflector', 'reflector');
    else this.#open();
  }

  #startTls(): void {
    const { tls, proxyTls } = this.#settings;
    // A name with a dot at its end is the same, but no server name (RFC 6066 section 3).
    const serverName = (this.#through ? this.#uri : (this.#route ?? this.#uri)).host.replace(/\.$/, '');
    this.#steps.begin('tls', serverName, (error) => this.#broken(error));
    this.#connection?.socket.startTls({ ...(this.#through ? tls : proxyTls), serverName });
  }

  #secured({ version, cipher, publicKeyDigest }: TlsSession): void {
    this.#steps.passed(`${version} ${cipher}`);
    if (!this.#through) this.#askProxy();
    else if (this.#pinned(publicKeyDigest)) this.#open();
  }

  #pinned(digest: Uint8Array): boolean {
    const { pins } = this.#settings;
    const shown = base64Encode(digest);
    if (pins.length === 0 || pins.includes(shown)) return true;
    const message = `${this.#uri.host}: its public key (sha256/${shown}) is none of tls.pins`;
    if (!this.#dialSpare(message)) this.#fail('fault', message, 'reflector');
    return false;
  }

  #open(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection) this.#events.opened(connection);
  }

  // ---- failure ----

  /** Whose answer is waited for at present. */
  get #peer(): string {
    return this.#through || !this.#route
      ? `${this.#uri.host} port ${this.#uri.port}`
      : `proxy ${proxyPlace(this.#route)}`;
  }

  #broken(error: HostError): void {
    const message = `${this.#peer}: ${error.message}`;
    const late = this.#steps.current === 'proxy' && error.code === 'timed-out';
    if (!this.#dialSpare(message)) {
      this.#fail('fault', message, this.#through ? 'reflector' : late ? 'way' : 'proxy');
    }
  }

  /**
   * Dials the addresses of the configuration when those of the name server have led to nobody, or to somebody who
   * cannot prove to be who is wanted.
   */
  #dialSpare(message: string): boolean {
    const spare = this.#spare;
    const step = this.#steps.current;
    const firstHop = this.#route === null || !this.#through;
    if (spare.length === 0 || !firstHop || (step !== 'connecting' && step !== 'tls')) return false;
    this.#spare = [];
    this.#earlier.push(message);
    this.cancel();
    this.#connect(spare);
    return true;
  }

  #fail(kind: FailureKind, message: string, at: PassageFailure['at']): void {
    this.cancel();
    this.#events.failed({ kind, message: [...this.#earlier, message].join('; '), at });
  }
}
