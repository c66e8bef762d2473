import type { Address, Cancellable, Host, HostError, Socket, SocketHandler } from '../host/host.ts';
import {
  acceptFor,
  answerDigest,
  base64Encode,
  type Challenge,
  checkUpgradeResponse,
  chooseDigest,
  decodeChallenges,
  encodeBasic,
  encodeRequestHead,
  encodeUpgradeRequest,
  formatHttpUri,
  HeadReader,
  type HttpUri,
  hexEncode,
  hostHeader,
  ProtocolError,
  type ResponseHead,
  resolveLocation,
  SERVER_PROTOCOL,
} from '../protocol/index.ts';
import type { FailureKind } from './back-off.ts';
import { Deadline } from './deadline.ts';
import type { DialSettings } from './settings.ts';

/** The steps of an attempt, in their order. */
export type Step = 'resolving' | 'connecting' | 'proxy' | 'tls' | 'upgrade';

export interface AttemptFailure {
  readonly step: Step;
  readonly kind: FailureKind;
  /** For a person: what was tried, where, and what came of it. */
  readonly message: string;
  /** What the reflector asked to wait, in milliseconds. */
  readonly askedMs: number | null;
}

/** An upgraded connection. The socket's events go where `deliverTo` says; until then they must not be waited for. */
export interface Upgraded {
  readonly socket: Socket;
  readonly uri: HttpUri;
  readonly response: ResponseHead;
  deliverTo(handler: Omit<SocketHandler, 'connected' | 'secured'>): void;
  /** Bytes that came behind the response head. */
  readonly early: Uint8Array;
}

export interface AttemptEvents {
  /** A step begins; `detail` names the peer. */
  step(step: Step, detail: string): void;
  /** A step has succeeded, in words; only `check` shows them. */
  passed(step: Step, detail: string): void;
  upgraded(connection: Upgraded): void;
  failed(failure: AttemptFailure): void;
}

/** Redirects followed in one attempt; more are a loop. */
const MAX_REDIRECTS = 5;

/** Interim responses that may precede the final one; real servers send one or two. */
const MAX_INTERIM = 16;

const refusals = new Set([400, 401, 403, 404, 405, 410, 426, 451]);

/**
 * One attempt to get from nothing to an upgraded connection: look-up, TCP (each address in turn), proxy, TLS, upgrade,
 * with redirects followed and a Digest challenge answered. It ends with `upgraded` or `failed`, unless cancelled.
 */
export class Attempt implements Cancellable {
  readonly #host: Host;
  readonly #settings: DialSettings;
  readonly #events: AttemptEvents;
  readonly #deadline: Deadline;
  #uri: HttpUri;
  #step: Step = 'resolving';
  #redirects = 0;
  #interim = 0;
  #challenge: Challenge | null = null;
  #lookUp: Cancellable | null = null;
  #addresses: readonly Address[] = [];
  #nextAddress = 0;
  #socket: Socket | null = null;
  #target: Omit<SocketHandler, 'connected' | 'secured'>;
  #head: HeadReader;
  #nonce = new Uint8Array(16);
  /** The proxy has connected us to the reflector. */
  #tunnelled = false;
  #over = false;

  constructor(host: Host, settings: DialSettings, events: AttemptEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    this.#deadline = new Deadline(host.clock);
    this.#uri = settings.reflector;
    this.#head = new HeadReader(settings.limits.headBytes);
    this.#target = this.#ownHandler();
    this.#resolve();
  }

  cancel(): void {
    this.#over = true;
    this.#release();
  }

  // ---- steps ----

  #begin(step: Step, detail: string): void {
    this.#step = step;
    this.#events.step(step, detail);
    this.#deadline.set(this.#settings.stepTimeoutMs, () => {
      const seconds = this.#settings.stepTimeoutMs / 1000;
      this.#broken({ code: 'timed-out', message: `no answer within ${seconds} s` });
    });
  }

  /** The peer of the TCP connection: the proxy if there is one. */
  get #peer(): HttpUri {
    return this.#settings.proxy?.uri ?? this.#uri;
  }

  #resolve(): void {
    const { host } = this.#peer;
    this.#begin('resolving', host);
    this.#lookUp = this.#host.network.resolve(host, (addresses, error) => {
      this.#lookUp = null;
      if (error || addresses.length === 0) {
        this.#fail('fault', `${host}: ${error?.message ?? 'no address'}`);
        return;
      }
      this.#events.passed('resolving', `${host}: ${addresses.map(({ address }) => address).join(', ')}`);
      this.#addresses = addresses;
      this.#nextAddress = 0;
      this.#connect();
    });
  }

  #connect(): void {
    const address = this.#addresses[this.#nextAddress++];
    if (!address) return;
    const { port } = this.#peer;
    this.#begin('connecting', `${address.address} port ${port}`);
    this.#target = this.#ownHandler();
    this.#socket = this.#host.network.connect(
      { address: address.address, port },
      {
        connected: () => {
          this.#events.passed('connecting', `${address.address} port ${port}`);
          const { proxy } = this.#settings;
          if (!proxy) this.#secure();
          else if (proxy.uri.secure) this.#startTls(proxy.uri.host);
          else this.#askProxy();
        },
        secured: (session) => {
          this.#events.passed('tls', `${session.version} ${session.cipher}`);
          if (this.#settings.proxy?.uri.secure && !this.#tunnelled) this.#askProxy();
          else if (this.#pinned(session.publicKeyDigest)) this.#upgrade();
        },
        data: (bytes, start, end) => this.#target.data(bytes, start, end),
        taken: (count) => this.#target.taken(count),
        ended: () => this.#target.ended(),
        closed: (error) => this.#target.closed(error),
      },
    );
  }

  #askProxy(): void {
    const { credentials } = this.#settings.proxy ?? { credentials: null };
    this.#begin('proxy', hostHeader(this.#peer));
    const { host, port } = this.#uri;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#head = new HeadReader(this.#settings.limits.headBytes);
    this.#socket?.write(
      encodeRequestHead('CONNECT', authority, [
        ['Host', authority],
        ...(credentials ? [['Proxy-Authorization', encodeBasic(credentials)] as const] : []),
      ]),
    );
  }

  #proxyAnswered(response: ResponseHead): void {
    if (response.status < 200 || response.status > 299) {
      const kind = response.status === 407 || response.status === 403 ? 'refusal' : 'fault';
      this.#fail(kind, `proxy ${hostHeader(this.#peer)} answered ${response.status} ${response.reason}`);
      return;
    }
    this.#events.passed('proxy', `${response.status} ${response.reason}`);
    this.#tunnelled = true;
    this.#secure();
  }

  #secure(): void {
    if (this.#uri.secure) this.#startTls(this.#uri.host);
    else if (this.#settings.pins.length > 0) this.#fail('fault', 'tls.pins demands an https: reflector');
    else this.#upgrade();
  }

  #startTls(serverName: string): void {
    this.#begin('tls', serverName);
    this.#socket?.startTls({ ...this.#settings.tls, serverName });
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

  #upgrade(): void {
    const uri = this.#uri;
    this.#begin('upgrade', formatHttpUri(uri));
    this.#interim = 0;
    this.#head = new HeadReader(this.#settings.limits.headBytes);
    this.#host.crypto.random(this.#nonce);
    const authorization = this.#authorization();
    try {
      this.#socket?.write(
        encodeUpgradeRequest({
          method: this.#settings.method,
          target: uri.target,
          host: hostHeader(uri),
          nonce: this.#nonce,
          protocol: SERVER_PROTOCOL,
          fields: [
            ...(authorization === null ? [] : [['Authorization', authorization] as const]),
            ...this.#settings.fields,
          ],
        }),
      );
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail('refusal', error.message);
    }
  }

  #authorization(): string | null {
    const { auth, credentials, method } = this.#settings;
    if (auth === 'basic') return encodeBasic(credentials);
    if (!this.#challenge) return null;
    const clientNonce = new Uint8Array(16);
    this.#host.crypto.random(clientNonce);
    return answerDigest(
      (algorithm, data) => this.#host.crypto.digest(algorithm, data),
      this.#challenge,
      credentials,
      { method, uri: this.#uri.target },
      hexEncode(clientNonce),
      1,
    );
  }

  // ---- answers ----

  #receive(bytes: Uint8Array, start: number, end: number): void {
    let rest = -1;
    let response: ResponseHead;
    try {
      rest = this.#head.push(bytes, start, end);
      if (rest < 0) return;
      response = this.#head.response();
      if (this.#step === 'proxy') {
        this.#proxyAnswered(response);
        return;
      }
      // Interim responses (RFC 9110 section 15.2) precede the final one.
      if (response.status >= 100 && response.status < 200 && response.status !== 101) {
        if (++this.#interim > MAX_INTERIM) {
          this.#fail('fault', `${hostHeader(this.#uri)}: more than ${MAX_INTERIM} interim responses`);
          return;
        }
        this.#head = new HeadReader(this.#settings.limits.headBytes);
        if (rest < end) this.#receive(bytes, rest, end);
        return;
      }
      if (response.status === 101) {
        const sha1 = (data: Uint8Array) => this.#host.crypto.digest('sha-1', data);
        checkUpgradeResponse(response, acceptFor(this.#nonce, sha1), SERVER_PROTOCOL);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const refusal = error.code === 'RM_UPGRADE';
      const from = this.#step === 'proxy' ? this.#peer : this.#uri;
      this.#fail(refusal ? 'refusal' : 'fault', `${hostHeader(from)}: ${error.message}`);
      return;
    }
    if (response.status === 101) this.#succeed(response, new Uint8Array(bytes.subarray(rest, end)));
    else this.#notUpgraded(response);
  }

  #succeed(response: ResponseHead, early: Uint8Array): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#deadline.clear();
    this.#over = true;
    this.#socket = null;
    this.#events.upgraded({
      socket,
      uri: this.#uri,
      response,
      early,
      deliverTo: (handler) => {
        this.#target = handler;
      },
    });
  }

  #notUpgraded(response: ResponseHead): void {
    const { status, headers } = response;
    const where = hostHeader(this.#uri);
    if ([301, 302, 303, 307, 308].includes(status)) {
      this.#redirect(headers.get('location') ?? '');
      return;
    }
    if (
      status === 401 &&
      this.#settings.auth === 'digest' &&
      !this.#challenge &&
      this.#readChallenge(response)
    ) {
      this.#release();
      this.#resolve();
      return;
    }
    const text = headers.get('x-ptth-error');
    const answer = `${status} ${response.reason}${text ? ` (${text})` : ''}`.trim();
    const kind = refusals.has(status) ? 'refusal' : 'fault';
    const hint =
      status === 401 &&
      this.#settings.auth === 'basic' &&
      /digest/i.test(headers.get('www-authenticate') ?? '')
        ? '; it offers Digest: see device.auth'
        : '';
    this.#fail(kind, `${where} answered ${answer}${hint}`, retryAfter(headers.get('retry-after')));
  }

  #readChallenge({ headers }: ResponseHead): boolean {
    try {
      this.#challenge = chooseDigest(decodeChallenges(headers.get('www-authenticate') ?? ''));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    return this.#challenge !== null;
  }

  #redirect(location: string): void {
    const from = hostHeader(this.#uri);
    const uri = resolveLocation(this.#uri, location);
    if (!uri) {
      this.#fail(
        'fault',
        `${from} redirects to "${location.slice(0, 200)}", which is no http: or https: URI`,
      );
    } else if (this.#uri.secure && !uri.secure) {
      this.#fail('fault', `${from} redirects from https: to ${formatHttpUri(uri)}; that is not followed`);
    } else if (++this.#redirects > MAX_REDIRECTS) {
      this.#fail('fault', `${from}: more than ${MAX_REDIRECTS} redirects`);
    } else {
      this.#events.passed('upgrade', `redirected to ${formatHttpUri(uri)}`);
      this.#uri = uri;
      this.#challenge = null;
      this.#release();
      this.#resolve();
    }
  }

  // ---- failure ----

  #ownHandler(): Omit<SocketHandler, 'connected' | 'secured'> {
    return {
      data: (bytes, start, end) => this.#receive(bytes, start, end),
      taken: () => undefined,
      // An alert that says why may still be on its way to `closed`.
      ended: () => this.#socket?.end(),
      closed: (error) =>
        this.#broken(error ?? { code: 'reset', message: 'connection closed before an answer' }),
    };
  }

  /** The connection under way is of no use; the next address may be. */
  #broken(error: HostError): void {
    this.#lookUp?.cancel();
    this.#lookUp = null;
    this.#socket?.destroy();
    this.#socket = null;
    if (this.#step === 'connecting' && this.#nextAddress < this.#addresses.length) {
      this.#connect();
      return;
    }
    const { host, port } = this.#tunnelled ? this.#uri : this.#peer;
    this.#fail('fault', `${host} port ${port}: ${error.message}`);
  }

  #fail(kind: FailureKind, message: string, askedMs: number | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#events.failed({ step: this.#step, kind, message, askedMs });
  }

  #release(): void {
    this.#deadline.clear();
    this.#lookUp?.cancel();
    this.#lookUp = null;
    this.#socket?.destroy();
    this.#socket = null;
    this.#tunnelled = false;
  }
}

/** `Retry-After` in seconds, as milliseconds; dates are not read, because the device's clock may be wrong. */
function retryAfter(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : null;
}
