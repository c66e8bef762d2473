import { interleave } from '../connect/interleave.ts';
import { type Connection, Race } from '../connect/race.ts';
import type { Cancellable, Host, HostError, TlsSession } from '../host/host.ts';
import {
  base64Encode,
  type HttpUri,
  hostHeader,
  ProtocolError,
  type ResponseHead,
} from '../protocol/index.ts';
import type { FailureKind } from './back-off.ts';
import { HttpConnect } from './http-connect.ts';
import type { DialSettings } from './settings.ts';
import type { Steps } from './steps.ts';

export interface PassageEvents {
  /** The reflector can be spoken to; the connection's handler is to be set before this returns. */
  opened(connection: Connection): void;
  failed(kind: FailureKind, message: string): void;
}

/** The way to one reflector: look-up, TCP, proxy, TLS. It ends with `opened` or `failed`, unless cancelled. */
export class Passage implements Cancellable {
  readonly #host: Host;
  readonly #settings: DialSettings;
  readonly #uri: HttpUri;
  readonly #steps: Steps;
  readonly #events: PassageEvents;
  /** What is under way: a look-up or a race. */
  #activity: Cancellable | null = null;
  #connection: Connection | null = null;
  #connect: HttpConnect | null = null;
  /** Whose answer is waited for at present: the proxy's, or the reflector's through it. */
  #peer: HttpUri;

  constructor(host: Host, settings: DialSettings, uri: HttpUri, steps: Steps, events: PassageEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#uri = uri;
    this.#steps = steps;
    this.#events = events;
    this.#peer = settings.proxy?.uri ?? uri;
    this.#resolve();
  }

  cancel(): void {
    this.#activity?.cancel();
    this.#activity = null;
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  #resolve(): void {
    const { host, port } = this.#peer;
    this.#steps.begin('resolving', host, (error) => this.#broken(error));
    this.#activity = this.#host.network.resolve(host, (addresses, error) => {
      this.#activity = null;
      if (error || addresses.length === 0) {
        this.#fail('fault', `${host}: ${error?.message ?? 'no address'}`);
        return;
      }
      const ordered = interleave(addresses, this.#settings.limits.addresses);
      this.#steps.passed(`${host}: ${ordered.map(({ address }) => address).join(', ')}`);
      const where = (address = '') => `${address} port ${port}`;
      this.#steps.begin('connecting', where(ordered[0]?.address), (late) => race.expire(late));
      const race = new Race(
        this.#host,
        { addresses: ordered, port },
        {
          another: (address) => this.#steps.also(where(address)),
          connected: (connection) => this.#connected(connection),
          failed: (failure) => this.#broken(failure),
        },
      );
      this.#activity = race;
    });
  }

  #connected(connection: Connection): void {
    this.#activity = null;
    this.#connection = connection;
    connection.handler = {
      secured: (session) => this.#secured(session),
      data: (bytes, start, end) => this.#receive(bytes, start, end),
      taken: () => undefined,
      // An alert that says why may still be on its way to `closed`.
      ended: () => connection.socket.end(),
      closed: (error) =>
        this.#broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
    this.#steps.passed(`${connection.address} port ${this.#peer.port}`);
    const { proxy } = this.#settings;
    if (!proxy) this.#secure();
    else if (proxy.uri.secure) this.#startTls();
    else this.#askProxy();
  }

  #askProxy(): void {
    const { proxy, limits } = this.#settings;
    if (!proxy) return;
    this.#begin('proxy', hostHeader(proxy.uri));
    this.#connect = new HttpConnect(this.#uri, proxy, limits.headBytes);
    this.#connection?.socket.write(this.#connect.request);
  }

  #receive(bytes: Uint8Array, start: number, end: number): void {
    let response: ResponseHead | null | undefined;
    try {
      response = this.#connect?.receive(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail('fault', `${hostHeader(this.#peer)}: ${error.message}`);
      return;
    }
    if (!response) return;
    const { status, reason } = response;
    if (status < 200 || status > 299) {
      const kind = status === 407 || status === 403 ? 'refusal' : 'fault';
      this.#fail(kind, `proxy ${hostHeader(this.#peer)} answered ${status} ${reason}`);
      return;
    }
    this.#steps.passed(`${status} ${reason}`);
    this.#connect = null;
    this.#peer = this.#uri;
    this.#secure();
  }

  #secure(): void {
    if (this.#uri.secure) this.#startTls();
    else if (this.#settings.pins.length > 0) this.#fail('fault', 'tls.pins demands an https: reflector');
    else this.#open();
  }

  #startTls(): void {
    const serverName = this.#peer.host;
    const { tls, proxyTls } = this.#settings;
    this.#begin('tls', serverName);
    this.#connection?.socket.startTls({ ...(this.#peer === this.#uri ? tls : proxyTls), serverName });
  }

  #secured({ version, cipher, publicKeyDigest }: TlsSession): void {
    this.#steps.passed(`${version} ${cipher}`);
    if (this.#peer !== this.#uri) this.#askProxy();
    else if (this.#pinned(publicKeyDigest)) this.#open();
  }

  #pinned(digest: Uint8Array): boolean {
    const { pins } = this.#settings;
    if (pins.length === 0 || pins.includes(base64Encode(digest))) return true;
    this.#fail(
      'fault',
      `${this.#uri.host}: its public key (sha256/${base64Encode(digest)}) is none of tls.pins`,
    );
    return false;
  }

  #open(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection) this.#events.opened(connection);
  }

  #begin(step: 'proxy' | 'tls', detail: string): void {
    this.#steps.begin(step, detail, (error) => this.#broken(error));
  }

  #broken(error: HostError): void {
    const { host, port } = this.#peer;
    this.#fail('fault', `${host} port ${port}: ${error.message}`);
  }

  #fail(kind: FailureKind, message: string): void {
    this.cancel();
    this.#events.failed(kind, message);
  }
}
