import { parseHttpUri } from 'rm-protocol';
import type { Random } from '../../protocol/src/testing/random.ts';
import type { ProxyServer } from '../src/dial/proxy-server.ts';
import type { AttemptSettings } from '../src/link/attempt-settings.ts';
import { LinkStage } from './link-stage.ts';
import type { Endpoint } from './network.ts';
import { proxyOf } from './proxied.ts';
import type { Answer } from './reflector.ts';
import type { SimulatedSocket, TlsAnswer } from './socket.ts';
import { SocksServer } from './socks-server.ts';
import type { TunnelPeer } from './tunnel-peer.ts';

const SESSION = { version: 'TLSv1.3', cipher: 'x', publicKeyDigest: new Uint8Array(32) };

/** Addresses at which the reflector is. */
export const ADDRESSES = ['192.0.2.1', '2001:db8::1', '192.0.2.2'] as const;
/** One more, that only the configuration knows. */
const FIXED = '192.0.2.3';
const PROXY = '203.0.113.1';

/** Ways to the reflector, as a configuration may have them. */
export const proxyLists = {
  direct: [null],
  'HTTP proxy': [proxyOf('http://p.example:3128')],
  'HTTP proxy with login': [proxyOf('http://user:secret@p.example:3128')],
  'HTTPS proxy': [proxyOf('https://p.example:3129')],
  SOCKS: [proxyOf('socks5h://p.example:1080')],
  'SOCKS, own look-up': [proxyOf('socks5://p.example:1080')],
  'HTTP proxy, then direct': [proxyOf('http://p.example:3128'), null],
  'SOCKS, then HTTPS proxy': [proxyOf('socks5h://p.example:1080'), proxyOf('https://p.example:3129')],
} as const satisfies Record<string, readonly (ProxyServer | null)[]>;

export interface FaultyLinkOptions {
  readonly seed: number;
  readonly keepAliveMs: number;
  readonly stepMs: number;
  readonly maxMs: number;
  readonly secure: boolean;
  readonly proxies: keyof typeof proxyLists;
  /** Two reflectors instead of one. */
  readonly two: boolean;
  /** The configuration has an address for when those of the name server are of no use. */
  readonly fixed: boolean;
}

/** A link on a network of names, addresses and proxies, all of which can be troubled and healed again. */
export class FaultyLinkStage extends LinkStage {
  /** What a proxy answers to CONNECT. */
  connectAnswer: Answer = 'accept';
  tls: TlsAnswer = () => SESSION;
  /** Connections on which the reflector has lost track of frames; they end when it is repaired. */
  readonly confused = new Set<SimulatedSocket>();
  readonly #names: readonly string[];
  readonly #login: boolean;

  constructor({ seed, keepAliveMs, stepMs, maxMs, secure, proxies, two, fixed }: FaultyLinkOptions) {
    const scheme = secure ? 'https' : 'http';
    const uris = two ? ['r.example', 's.example'] : ['r.example'];
    const dial: Partial<AttemptSettings> = {
      reflectors: uris.map((name) => parseHttpUri(`${scheme}://${name}/`)).filter((uri) => uri !== null),
      proxiesFor: () => proxyLists[proxies],
      addresses: new Map(fixed ? uris.map((name) => [name, [{ address: FIXED, family: 4 }]]) : []),
      stepTimeoutMs: stepMs,
    };
    super({ seed, keepAliveMs, dial, backOff: { minMs: 500, maxMs, refusedMaxMs: maxMs } });
    this.#names = [...uris, 'p.example'];
    this.#login = proxies === 'HTTP proxy with login';
    this.heal();
  }

  /** Everything works. What was harmed before stays harmed. */
  heal(): void {
    const { network, random } = this.host;
    this.reflector.answer = ({ method, headers }) => {
      if (method !== 'CONNECT') return 'accept';
      const anonymous = headers.get('proxy-authorization') === undefined;
      if (this.#login && anonymous) return 'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n';
      return this.connectAnswer === 'accept' ? 'HTTP/1.1 200 x\r\n\r\n' : this.connectAnswer;
    };
    for (const socket of this.confused) socket.destroy();
    this.confused.clear();
    this.connectAnswer = 'accept';
    this.tls = () => SESSION;
    this.prepareError = null;
    network.faultFor = () => null;
    for (const socket of this.held) socket.fault = null;
    network.forgetsAfterMs = Number.POSITIVE_INFINITY;
    network.endpoints.clear();
    for (const name of this.#names) this.name(name, name === 'p.example' ? [PROXY] : ADDRESSES);
    const tls: TlsAnswer = (options) => this.tls(options);
    const take = (socket: SimulatedSocket) => this.reflector.take(socket);
    for (const address of [...ADDRESSES, FIXED]) {
      for (const port of [80, 443]) network.listen(address, port, take, tls);
    }
    for (const port of [3128, 3129]) network.listen(PROXY, port, take, tls);
    network.listen(PROXY, 1080, (socket) => new SocksServer(socket, take), tls);
    network.latencyMs = [random.integer(0, 20), random.integer(20, 200)];
  }

  /** The addresses of a name, in an order that no resolver promises. */
  name(name: string, addresses: readonly string[]): void {
    const { network, random } = this.host;
    const left = [...addresses];
    const shuffled: string[] = [];
    while (left.length > 0) shuffled.push(...left.splice(random.integer(0, left.length - 1), 1));
    network.names.set(name, shuffled);
  }

  anyName(random: Random): string {
    return random.pick(['r.example', 's.example', 'p.example']);
  }

  /** Puts something else at some of the endpoints where somebody listens. */
  replace(place: Endpoint, random: Random): void {
    const { endpoints } = this.host.network;
    for (const at of [...endpoints.keys()]) if (random.chance(0.5)) endpoints.set(at, place);
  }

  /** The reflector's side of the tunnel that the agent holds. */
  get peer(): TunnelPeer | null {
    const ends = new Set(this.held.map(({ partner }) => partner));
    return this.reflector.connections.find(({ socket, peer }) => peer && ends.has(socket))?.peer ?? null;
  }

  /** The connections that the agent holds. */
  get held(): readonly SimulatedSocket[] {
    return [...this.host.network.sockets];
  }
}
