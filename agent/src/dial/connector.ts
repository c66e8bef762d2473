import { base64Encode, type HttpUri, hostAndPort, ProtocolError } from 'rm-protocol';
import type { Address, Cancellable, Host, HostError, TlsSession } from '../host.ts';
import type { FailureKind } from './back-off.ts';
import type { ConnectSettings } from './connect-settings.ts';
import type { Connection } from './connection.ts';
import { HttpConnect } from './http-connect.ts';
import { interleave } from './interleave.ts';
import { literalAddress } from './literal-address.ts';
import type { HandshakeStep, ProxyAnswer, ProxyHandshake } from './proxy-handshake.ts';
import { type ProxyServer, proxyAuthority } from './proxy-server.ts';
import { Race } from './race.ts';
import { SocksConnect } from './socks-connect.ts';
import type { Steps } from './steps.ts';

export interface ConnectorFailure {
  readonly kind: FailureKind;
  readonly message: string;
  /** Where it has failed: at the proxy for any destination, at the proxy for this destination, or behind it. */
  readonly at: 'proxy' | 'destination' | 'reflector';
}

export interface ConnectorEvents {
  /** The reflector can be spoken to; the connection's handler is to be set before this returns. */
  opened(connection: Connection): void;
  failed(failure: ConnectorFailure): void;
}

/** Connects to one reflector by one route: look-up, TCP, proxy, TLS. It ends with `opened` or `failed`, unless cancelled. */
export class Connector implements Cancellable {
  readonly #host: Host;
  readonly #settings: ConnectSettings;
  readonly #uri: HttpUri;
  readonly #proxy: ProxyServer | null;
  readonly #steps: Steps;
  readonly #events: ConnectorEvents;
  /** What is under way: a look-up or a race. */
  #activity: Cancellable | null = null;
  #connection: Connection | null = null;
  /** Addresses of the configuration that are dialled after those of the name server have failed. */
  #fallbacks: readonly Address[] = [];
  /** What has failed before the fallback addresses were dialled, or with an earlier destination. */
  #earlier: string[] = [];
  /** What the proxy is asked for, one after the other: the name of the reflector, or its addresses. */
  #destinations: string[];
  #handshake: ProxyHandshake | null = null;
  #answer: ProxyAnswer | null = null;
  /** The proxy has connected us to the reflector, or there is none. */
  #proxied: boolean;

  constructor(
    host: Host,
    settings: ConnectSettings,
    uri: HttpUri,
    proxy: ProxyServer | null,
    steps: Steps,
    events: ConnectorEvents,
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#uri = uri;
    this.#proxy = proxy;
    this.#steps = steps;
    this.#events = events;
    this.#destinations = [uri.host];
    this.#proxied = proxy === null;
    if (proxy?.scheme === 'socks5') this.#resolveDestinations();
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
      this.#destinations = [...addresses, ...this.#fallbacks]
        .slice(0, this.#settings.limits.addresses)
        .map(({ address }) => address);
      this.#fallbacks = [];
      this.#resolve();
    });
  }

  #resolve(): void {
    const at = this.#proxy ? 'proxy' : 'reflector';
    this.#lookUp((this.#proxy ?? this.#uri).host, at, (addresses) => this.#connect(addresses));
  }

  /** The addresses of a name; those of the configuration when it has none, else they are `#fallbacks`. */
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
      this.#fallbacks = fixed.filter(({ address }) => !ordered.some((other) => other.address === address));
      this.#steps.passed(`${host}: ${instead}${ordered.map(({ address }) => address).join(', ')}`);
      done(ordered);
    };
    this.#steps.begin('resolving', host, (late) => settle([], late));
    this.#activity = this.#host.network.resolve(host, settle);
  }

  // ---- TCP ----

  #connect(addresses: readonly Address[]): void {
    const { port } = this.#proxy ?? this.#uri;
    const where = (address = '') => `${address} port ${port}`;
    this.#steps.begin('connecting', where(addresses[0]?.address), (late) => race.expire(late));
    const race = new Race(
      this.#host,
      { addresses, port },
      {
        dialled: (address) => this.#steps.detail(where(address)),
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
        this.#exchange((handshake) => handshake.receive(bytes, start, end), 'proxy'),
      taken: () => undefined,
      // An alert with the reason may still arrive, for `closed`.
      ended: () => connection.socket.end(),
      closed: (error) =>
        this.#broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
    const proxy = this.#proxy;
    this.#steps.passed(`${connection.address} port ${(proxy ?? this.#uri).port}`);
    if (!proxy) this.#secure();
    else if (proxy.scheme === 'https') this.#startTls();
    else this.#askProxy();
  }

  /** A new connection to the address that has answered. */
  #reconnect(): void {
    const { address = '' } = this.#connection ?? {};
    this.cancel();
    this.#connect([literalAddress(address)]);
  }

  // ---- proxy ----

  #askProxy(): void {
    const proxy = this.#proxy;
    const [destination = ''] = this.#destinations;
    if (!proxy) return;
    const { port } = this.#uri;
    this.#steps.begin('proxy', proxyAuthority(proxy), (error) => this.#broken(error));
    this.#handshake = proxy.scheme.startsWith('socks')
      ? new SocksConnect(destination, port, proxy.credentials)
      : new HttpConnect(this.#host, {
          authority: hostAndPort(destination, port),
          credentials: proxy.credentials,
          answer: this.#answer,
          headBytes: this.#settings.limits.headBytes,
        });
    this.#exchange((handshake) => ({ send: handshake.start() }), 'destination');
  }

  /** `at`: what has failed if a message cannot be encoded, or breaks the protocol. */
  #exchange(turn: (handshake: ProxyHandshake) => HandshakeStep | null, at: 'proxy' | 'destination'): void {
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
      this.#proxied = true;
      this.#secure();
    } else {
      const message = `${this.#peer} ${step.failed}`;
      if (step.scope === 'destination' && this.#destinations.length > 1) {
        this.#destinations = this.#destinations.slice(1);
        this.#earlier.push(message);
        this.#reconnect();
      } else this.#fail(step.kind, message, step.scope === 'proxy' ? 'proxy' : 'destination');
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
    const serverName = (this.#proxied ? this.#uri : (this.#proxy ?? this.#uri)).host.replace(/\.$/, '');
    this.#steps.begin('tls', serverName, (error) => this.#broken(error));
    this.#connection?.socket.startTls({ ...(this.#proxied ? tls : proxyTls), serverName });
  }

  #secured({ version, cipher, publicKeyDigest }: TlsSession): void {
    this.#steps.passed(`${version} ${cipher}`);
    if (!this.#proxied) this.#askProxy();
    else if (this.#pinned(publicKeyDigest)) this.#open();
  }

  #pinned(digest: Uint8Array): boolean {
    const { pins } = this.#settings;
    const shown = base64Encode(digest);
    if (pins.length === 0 || pins.includes(shown)) return true;
    const message = `${this.#uri.host}: its public key (sha256/${shown}) is none of tls.pins`;
    if (!this.#dialFallbacks(message)) this.#fail('fault', message, 'reflector');
    return false;
  }

  #open(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection) this.#events.opened(connection);
  }

  // ---- failure ----

  /** The peer whose answer is awaited, for messages. */
  get #peer(): string {
    return this.#proxied || !this.#proxy
      ? `${this.#uri.host} port ${this.#uri.port}`
      : `proxy ${proxyAuthority(this.#proxy)}`;
  }

  #broken(error: HostError): void {
    const message = `${this.#peer}: ${error.message}`;
    const late = this.#steps.current === 'proxy' && error.code === 'timed-out';
    if (!this.#dialFallbacks(message)) {
      this.#fail('fault', message, this.#proxied ? 'reflector' : late ? 'destination' : 'proxy');
    }
  }

  /**
   * Dials the addresses of the configuration when those of the name server do not answer, or answer with a wrong
   * certificate.
   */
  #dialFallbacks(message: string): boolean {
    const fallbacks = this.#fallbacks;
    const step = this.#steps.current;
    const firstHop = this.#proxy === null || !this.#proxied;
    if (fallbacks.length === 0 || !firstHop || (step !== 'connecting' && step !== 'tls')) return false;
    this.#fallbacks = [];
    this.#earlier.push(message);
    this.cancel();
    this.#connect(fallbacks);
    return true;
  }

  #fail(kind: FailureKind, message: string, at: ConnectorFailure['at']): void {
    this.cancel();
    this.#events.failed({ kind, message: [...this.#earlier, message].join('; '), at });
  }
}
