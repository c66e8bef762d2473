import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { pino } from 'pino';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Traffic } from '../audit/audit.ts';
import type { Denied } from '../authentication/log-in.ts';
import { Forwarding, type ForwardingContext } from '../forwarding/forwarding.ts';
import { destinationOf } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import type { DeviceHost } from '../isolation/device-log-in.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import type { AuditRecord } from '../ports/events.ts';
import type { Identity, Session } from '../ports/identity.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import type { ResponseCache, WebRequest } from '../ports/response-cache.ts';
import type { DeviceAccess } from '../ports/rights.ts';
import type { UserRecord } from '../ports/store.ts';
import { ByteBudget } from '../streams/byte-budget.ts';
import { ConcurrencyLimit } from '../throttling/concurrency-limit.ts';
import { ScriptedTunnel } from './scripted-tunnel.ts';
import { settled } from './settled.ts';

const user = { name: 'alice', uid: 'uid of alice', role: 'user', domains: ['acme'] } as unknown as UserRecord;

/** A user whose bytes a test gives, one character a byte. */
export interface MemoryUser {
  readonly end: Duplex;
  received: string;
  closed: boolean;
}

/** Forwarding without sockets: users by streams in memory, one device (`dev1`), and every decision with the test. */
export class ForwardingStage {
  readonly tunnel = new ScriptedTunnel();
  readonly clock = new ManualClock();
  readonly limits: Limits;
  readonly forwarding: Forwarding;
  /** The audit log, in order. */
  readonly records: AuditRecord[] = [];
  /** What the exchanges that are over have carried, in order. */
  readonly carried: Traffic[] = [];
  readonly logged: Record<string, unknown>[] = [];
  /** What the revocation watcher was asked, and what ends the access that goes on. */
  readonly admitted: { readonly holder: unknown; readonly since: number }[] = [];
  readonly access = new Set<{
    readonly holder: unknown;
    readonly since: number;
    end(reason: string): void;
  }>();
  /** Connections on which a user has authenticated. */
  readonly authenticated: unknown[] = [];
  /** How often somebody had to prove who they are, on the host of a device. */
  proofs = 0;
  /** Who asks. */
  verdict: Identity | Denied = identity(null);
  /** Whether users who were let in are still; called before they are. */
  keepsAccess: () => boolean | Promise<boolean> = () => true;
  /** Until when what was decided counts on a connection; `null`: for one request. */
  lastsUntil: number | null = null;
  /** Whether the change feed has named nothing about it. */
  unchanged = true;
  /** Which ports a user may open who sees the device. */
  ports: DeviceAccess['ports'] = null;
  properties: Record<string, string> = { targetPorts: '22, 80', httpPort: '80' };
  online = true;
  /** What keeps answers of the device. */
  cache: ResponseCache | null = null;
  origin: Partial<Origin> = {};
  /** What came of each request, in order. */
  readonly forwarded: Promise<{ readonly endless: boolean } | null>[] = [];
  readonly #server: Server;
  readonly #device: OnlineDevice;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...defaultLimits, ...limits };
    const stage = this;
    this.#device = {
      id: 'dev1',
      uid: 'uid of dev1',
      get properties() {
        return stage.properties;
      },
      open: this.tunnel.source.open,
    } as unknown as OnlineDevice;
    this.forwarding = new Forwarding(this.#context());
    this.#server = createServer();
    for (const event of ['request', 'checkContinue'] as const) {
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        const [origin, host] = this.#placeOf(request);
        this.forwarded.push(Promise.resolve(this.forwarding.request(request, response, origin, host)));
      });
    }
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const [origin, host] = this.#placeOf(request);
      const client = request.headers['sec-websocket-protocol'] === 'com.appinf.webtunnel.client/1.0';
      if (client) void this.forwarding.clientTunnel(request, socket, head, origin, host);
      else void this.forwarding.upgrade(request, socket, head, origin, host);
    });
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.forwarding.connect(request, socket, head, this.#placeOf(request)[0]);
    });
  }

  /** A connection of a user who sends this. */
  async user(bytes = ''): Promise<MemoryUser> {
    const [ours, end] = connectionPair();
    const user: MemoryUser = { end, received: '', closed: false };
    end.on('data', (piece: Buffer) => {
      user.received += piece.toString('latin1');
    });
    ours.on('close', () => {
      user.closed = true;
    });
    this.#server.emit('connection', ours);
    await this.send(user, bytes);
    return user;
  }

  async send(user: MemoryUser, bytes: string): Promise<void> {
    if (bytes !== '') user.end.write(Buffer.from(bytes, 'latin1'));
    await this.idle();
  }

  /** The device sends this on one of its connections, in the order in which they were opened. */
  async answer(bytes: string, connection = 0): Promise<void> {
    this.tunnel.respond(connection, bytes);
    await this.idle();
  }

  /** Until nothing moves any more. */
  async idle(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) await settled();
  }

  #placeOf({ headers }: IncomingMessage): [Origin, DeviceHost] {
    const authority = headers.host ?? '';
    const place = { domain: 'r.example', cookieHost: 'view.r.example' };
    const address = '192.0.2.1';
    const origin = { protocol: 'https', authority, address, forwardedFor: address, ...this.origin } as const;
    return [origin, destinationOf(authority, place) as DeviceHost];
  }

  #context(): ForwardingContext {
    const record = { id: 'dev1', uid: 'uid of dev1', domain: 'acme', handedOver: false };
    const log = pino({ level: 'debug' }, { write: (line) => void this.logged.push(JSON.parse(line)) });
    return {
      limits: this.limits,
      clock: this.clock,
      log,
      audit: {
        count: (entry: AuditRecord) => {
          this.records.push(entry);
          return (traffic: Traffic) => this.carried.push({ ...traffic });
        },
        record: (entry: AuditRecord) => this.records.push(entry),
      },
      revocation: {
        revision: 7,
        isUnchanged: () => this.unchanged,
        lastsUntil: async () => this.lastsUntil,
        admit: async (holder: unknown, since: number, begin: (since: number) => void) => {
          this.admitted.push({ holder, since });
          const admits = await this.keepsAccess();
          if (admits) begin(since + 1);
          return admits;
        },
        add: (access: { holder: unknown; since: number; end(reason: string): void }) => {
          this.access.add(access);
          return () => this.access.delete(access);
        },
      },
      users: {
        authenticate: async () => {
          this.proofs++;
          return this.verdict;
        },
        byHeader: async () => this.verdict,
        isOurs: async (token: string) => token === 'ours',
      },
      sessions: {
        find: async (secret: string) =>
          secret === 'good' ? ({ kind: 'device', user, expires: 9 } as unknown as Session) : null,
      },
      cache: { device: async (id: string) => (id === record.id ? record : null) },
      rights: { deviceAccess: () => ({ ports: this.ports, until: Number.POSITIVE_INFINITY }) },
      presence: { locate: () => (this.online ? this.#device : null) },
      unauthenticated: { authenticated: (socket: unknown) => this.authenticated.push(socket) },
      userConcurrency: new ConcurrencyLimit(this.limits.exchangesPerUser),
      deviceConcurrency: new ConcurrencyLimit(this.limits.exchangesPerDevice),
      readAhead: new ByteBudget(this.limits.readAheadTotalBytes),
      offer: { keepAlive: 300, extension: { maxFrame: 65_536, window: 262_144 } },
      domain: 'r.example',
      cookieHost: 'view.r.example',
      responseCache: { use: (request: WebRequest) => this.cache?.use(request) ?? null },
    } as unknown as ForwardingContext;
  }
}

/** Both ends of a connection in memory. One that is destroyed resets the other; Node 24 would end the other in order. */
function connectionPair(): [Duplex, Duplex] {
  const [one, other] = duplexPair({ allowHalfOpen: true });
  const resets = (from: Duplex, to: Duplex) => {
    from._destroy = (error, callback) => callback(error);
    from.on('close', () => to.destroy());
  };
  resets(one, other);
  resets(other, one);
  return [one, other];
}

/** Alice, by a session of this kind or by a password. */
export function identity(kind: Session['kind'] | null, more: Partial<Identity> = {}): Identity {
  const session = kind === null ? null : ({ kind } as Session);
  const by = kind === null ? 'password' : 'session';
  return { user, session, until: Number.POSITIVE_INFINITY, by, credential: by, ...more };
}

/** The head of a request to the device, over TLS as far as it knows. */
export function requestHead(line = 'GET / HTTP/1.1', ...fields: readonly string[]): string {
  return [line, 'Host: dev1.r.example', ...fields, '', ''].join('\r\n');
}
