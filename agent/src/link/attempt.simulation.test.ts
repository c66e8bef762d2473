import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../protocol/src/testing/random.ts';
import { AttemptStage } from '../../simulation/attempt-stage.ts';
import { noHandles } from '../../simulation/host.ts';
import { type Endpoint, refused, unreachable } from '../../simulation/network.ts';
import { proxyOf } from '../../simulation/proxied.ts';
import { type Answer, SimulatedReflector } from '../../simulation/reflector.ts';
import type { TlsAnswer } from '../../simulation/socket.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';
import type { AttemptSettings } from './attempt-settings.ts';

/**
 * Whatever reflectors, proxies, names and addresses do, an attempt reaches the one reflector that works, the last of its
 * list; without it, it ends in one failure. Either way within the sum of its deadlines, and it leaks nothing.
 * `RM_SEED=<number>` replays one that failed.
 */
const seeds = 1500;
const only = process.env.RM_SEED;

const STEP_MS = 1000;
/** Look-ups of reflector and proxy, two races for each, proxy and its second question, TLS twice, upgrade twice. */
const MOST_STEPS = 12;
const MOST_REDIRECTS = 5;

const answers: readonly [Answer, ...Answer[]] = [
  'silent',
  'accept',
  'garbage\r\n\r\n',
  'HTTP/1.1 100 \r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n<html>',
  'HTTP/1.1 302 x\r\nLocation: http://h0.example/\r\n\r\n',
  'HTTP/1.1 302 x\r\nLocation: https://h1.example/\r\n\r\n',
  'HTTP/1.1 302 x\r\n\r\n',
  'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n',
  'HTTP/1.1 503 x\r\nRetry-After: 10\r\n\r\n',
];
const connectAnswers: readonly [Answer, ...Answer[]] = [
  'silent',
  'garbage\r\n\r\n',
  'HTTP/1.1 200 x\r\n\r\n',
  'HTTP/1.1 200 x\r\n\r\nmore',
  'HTTP/1.1 403 x\r\n\r\n',
  'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
  'HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm="x", nonce="n"\r\n\r\n',
  'HTTP/1.1 502 x\r\n\r\n',
  new Uint8Array([5, 0]),
  new Uint8Array([5, 2]),
  new Uint8Array([5, 255]),
];

/** A machine of the network, `name`, that does something or other at each of its ports. */
function place(
  stage: AttemptStage,
  random: Random,
  name: string,
  address: string,
  ports: readonly number[],
): void {
  const { network } = stage.host;
  const known = [address, '198.51.100.1', '2001:db8::1'].filter(() => random.chance(0.7));
  if (random.chance(0.85)) network.names.set(name, random.chance(0.9) ? known : 'silent');
  for (const port of ports) {
    const server = new SimulatedReflector(network, address, port, stage.tls);
    server.answer = ({ method }, connection) => {
      if (random.chance(0.1)) connection.socket[random.chance(0.5) ? 'end' : 'destroy']();
      return random.pick(method === 'CONNECT' ? connectAnswers : answers);
    };
    if (random.chance(0.2)) {
      const dead = random.pick<Endpoint>(['silent', { error: refused }, { error: unreachable }]);
      network.endpoints.set(`${address}:${port}`, dead);
    }
  }
}

function simulate(seed: number): {
  stage: AttemptStage;
  random: Random;
  settings: Partial<AttemptSettings>;
  mostMs: number;
} {
  const random = new Random(seed);
  const stage = new AttemptStage();
  const { network } = stage.host;
  network.latencyMs = [0, random.integer(1, 100)];
  network.endpoints.set('198.51.100.1:80', random.pick<Endpoint>(['silent', { error: refused }]));
  const session = stage.tls;
  stage.tls = (options) =>
    options.serverName === 'r.example' || random.chance(0.8)
      ? session(options)
      : random.pick<ReturnType<TlsAnswer>>(['silent', { code: 'tls-untrusted', message: 'not trusted' }]);
  for (let host = 0; host < 3; host++) {
    place(stage, random, `h${host}.example`, `192.0.2.${10 + host}`, [80, 443]);
    place(stage, random, `p${host}.example`, `203.0.113.${10 + host}`, [80, 443, 1080]);
  }
  const uris = Array.from({ length: random.integer(0, 3) }, () =>
    parseHttpUri(`${random.pick(['http', 'https'])}://h${random.integer(0, 2)}.example/`),
  );
  const routes: (ProxyServer | null)[] = Array.from({ length: random.integer(1, 4) }, () =>
    random.chance(0.3)
      ? null
      : proxyOf(
          `${random.pick(['http', 'https', 'socks5', 'socks5h'])}://u:p@p${random.integer(0, 2)}.example`,
        ),
  );
  const settings: Partial<AttemptSettings> = {
    stepTimeoutMs: STEP_MS,
    auth: random.pick(['basic', 'digest']),
    reflectors: uris.flatMap((uri) => uri ?? []),
    proxiesFor: ({ host }) => (host === 'r.example' ? [null] : routes),
    addresses: new Map([['h0.example', [{ address: '192.0.2.10', family: 4 as const }]]]),
  };
  const candidates = (uris.length + MOST_REDIRECTS + 1) * routes.length;
  // A SOCKS5 proxy may be asked for each address.
  return { stage, random, settings, mostMs: candidates * MOST_STEPS * STEP_MS * 4 };
}

function reachesTheOneThatWorks(seed: number): void {
  const { stage, settings, mostMs } = simulate(seed);
  const last = parseHttpUri('http://r.example/');
  stage.plain.answer = ({ headers }) =>
    settings.auth === 'basic' || headers.get('authorization')
      ? 'accept'
      : 'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n';
  stage.start(undefined, {
    ...settings,
    reflectors: [...(settings.reflectors ?? []), ...(last ? [last] : [])],
  });
  stage.host.clock.until('the end of the attempt', () => stage.over, mostMs);
  if (!stage.upgraded) throw new Error(stage.failure?.message);
  expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1 });
}

function endsOnce(seed: number): void {
  const { stage, random, settings, mostMs } = simulate(seed);
  if (settings.reflectors?.length === 0) return;
  stage.start(undefined, settings);
  if (random.chance(0.3)) {
    stage.host.clock.advance(random.integer(0, 3000));
    if (!stage.over) {
      stage.attempt?.cancel();
      expect(stage.host.handles).toEqual(noHandles);
      return;
    }
  } else stage.host.clock.until('the end of the attempt', () => stage.over, mostMs);
  expect(stage.host.handles).toEqual({ ...noHandles, sockets: stage.upgraded ? 1 : 0 });
  if (stage.failure) expect(stage.failure.message).not.toContain('\n');
  stage.host.clock.advance(100_000);
}

describe('an attempt with random faults', () => {
  const list = only === undefined ? Array.from({ length: seeds }, (_, seed) => seed) : [Number(only)];
  it.each([
    ['reaches the reflector that works', reachesTheOneThatWorks],
    ['ends once and leaks nothing', endsOnce],
  ])('%s', (_name, simulate) => {
    for (const seed of list) {
      try {
        simulate(seed);
      } catch (error) {
        throw new Error(`RM_SEED=${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
});
