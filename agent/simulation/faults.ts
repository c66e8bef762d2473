import { ascii } from '../../protocol/src/testing/bytes.ts';
import type { Random } from '../../protocol/src/testing/random.ts';
import { ADDRESSES, type FaultyLinkStage } from './faulty-link-stage.ts';
import { refused, timedOut, unreachable } from './network.ts';
import type { ConnectionFault, TlsAnswer } from './socket.ts';

export type Fault = (stage: FaultyLinkStage, random: Random) => void;

const portal = '<html><body>Welcome! Please log in.</body></html>';

/** What is answered to an upgrade, or to CONNECT, by somebody who has something else in mind. */
const wrongAnswers = [
  'silent',
  'HTTP/1.1 503 x\r\n\r\n',
  'HTTP/1.1 503 x\r\nRetry-After: 10\r\n\r\n',
  'HTTP/1.1 429 x\r\nRetry-After: 5\r\n\r\n',
  'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="x", nonce="y", qop="auth"\r\n\r\n',
  'HTTP/1.1 403 x\r\n\r\n',
  'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
  'HTTP/1.1 302 x\r\nLocation: /\r\n\r\n',
  'HTTP/1.1 302 x\r\nLocation: http://elsewhere.example/\r\n\r\n',
  'HTTP/1.1 302 x\r\nLocation: http://192.0.2.77/login\r\n\r\n',
  'HTTP/1.1 101 x\r\n\r\n',
  `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${portal.length}\r\n\r\n${portal}`,
  `HTTP/1.0 200 Connection established\r\n\r\n${portal}`,
  'HTTP/1.1 502 Bad Gateway\r\n\r\n',
  'garbage\r\n\r\n',
  '\x05\xff',
  'HTTP/1.1 100 \r\n\r\n',
] as const;

const tlsAnswers: readonly [TlsAnswer, ...TlsAnswer[]] = [
  () => 'silent',
  () => ({ code: 'tls-untrusted', message: 'the certificate is not trusted' }),
  () => ({ code: 'tls-expired', message: 'the certificate has expired' }),
  () => ({ code: 'reset', message: 'connection reset' }),
];

function connectionFault(random: Random): ConnectionFault {
  return { afterBytes: random.integer(0, 1200), kind: random.pick(['reset', 'end', 'silence']) };
}

/** All that happens in the field. */
export const faults: Readonly<Record<string, Fault>> = {
  'the name server fails': (stage, random) =>
    stage.host.network.names.set(stage.anyName(random), { code: 'name-failure', message: 'no name server' }),
  'the name server is silent': (stage, random) =>
    stage.host.network.names.set(stage.anyName(random), 'silent'),
  'a name does not exist': (stage, random) => stage.host.network.names.delete(stage.anyName(random)),
  'names have dead addresses, too': (stage, random) =>
    stage.name(stage.anyName(random), ['198.51.100.1', '2001:db8::bad', ...ADDRESSES]),
  'the answers of the name server are in another order': (stage, random) =>
    stage.name(stage.anyName(random), ADDRESSES),
  'nobody answers any more': (stage, random) => stage.replace('silent', random),
  'connections are refused': (stage, random) => stage.replace({ error: refused }, random),
  'the network is unreachable': (stage, random) => stage.replace({ error: unreachable }, random),
  'connections time out': (stage, random) => stage.replace({ error: timedOut }, random),
  'the upgrade is answered wrongly': (stage, random) => {
    const answer = random.pick(wrongAnswers);
    stage.reflector.answer = ({ method }) => (method === 'CONNECT' ? 'HTTP/1.1 200 x\r\n\r\n' : answer);
  },
  'a captive portal answers everything': (stage) => {
    const page = ascii(`HTTP/1.1 200 OK\r\n\r\n${portal}`);
    stage.reflector.answer = () => page;
  },
  'the proxy answers wrongly': (stage, random) => {
    stage.connectAnswer = random.pick(wrongAnswers);
  },
  'TLS fails': (stage, random) => {
    stage.tls = random.pick(tlsAnswers);
  },
  'connections break somewhere': ({ host }, random) => {
    host.network.faultFor = () => (random.chance(0.8) ? connectionFault(random) : null);
  },
  'everything is slow': ({ host }, random) => {
    host.network.latencyMs = [random.integer(50, 1000), random.integer(1000, 5000)];
  },
  'everything goes dead without a word': ({ host }) => host.network.cutAll(),
  'what the agent sends does not arrive': (stage) => {
    for (const socket of stage.held) socket.mute = true;
  },
  'what the reflector sends does not arrive': (stage) => {
    const socket = stage.peer?.socket;
    if (socket) socket.mute = true;
  },
  'a middlebox forgets silent connections': ({ host }, random) => {
    host.network.forgetsAfterMs = random.integer(3000, 40_000);
  },
  'the reflector crashes': (stage) => stage.peer?.socket.destroy(),
  'the reflector sends FIN': (stage) => stage.peer?.socket.end(),
  'the reflector hangs': (stage) => stage.peer?.socket.pause(),
  'the reflector closes the tunnel': (stage) => stage.peer?.closeTunnel(1001),
  'a clone of the device connects': (stage) => stage.peer?.replace(),
  'the reflector sends garbage': (stage, random) => {
    const bytes = new Uint8Array(random.integer(1, 40));
    random.fill(bytes);
    const { peer } = stage;
    peer?.raw(bytes);
    if (peer) stage.confused.add(peer.socket);
  },
  'the reflector does not answer PINGs': (stage) => {
    const { peer } = stage;
    if (peer) peer.answersPings = false;
  },
  'the reflector goes on sending': (stage) => stage.peer?.ping(),
  'a file is missing': (stage) => {
    stage.prepareError = 'no password';
  },
  'the process is stopped, or the machine sleeps': ({ host }, random) =>
    host.clock.suspend(random.integer(1, random.chance(0.5) ? 20_000 : 7_200_000)),
  'the clock is set': ({ host }, random) => {
    host.clock.wallOffset = random.integer(0, 2 ** 41);
  },
  'an address comes or goes': ({ host }) => host.network.change(),
  'an interface flaps': ({ host }, random) => {
    for (let i = random.integer(2, 20); i > 0; i--) {
      host.network.change();
      host.clock.advance(random.integer(1, 800));
    }
  },
  'somebody wants it to retry': ({ link }) => link.retry(),
  'it is stopped and started': ({ link, host }, random) => {
    link.stop('stopped by the test');
    if (random.chance(0.5)) host.clock.advance(random.integer(0, 4000));
    if (random.chance(0.2)) link.stop('stopped by the test');
    if (random.chance(0.2)) link.disable('disabled by the test');
    link.start();
  },
  'it is disabled and enabled': ({ link, host }, random) => {
    link.disable('disabled by the test');
    if (random.chance(0.5)) host.clock.advance(random.integer(0, 4000));
    if (random.chance(0.2)) link.disable('disabled by the test');
    if (random.chance(0.2)) link.stop('stopped by the test');
    link.start();
  },
  'everything works again': (stage) => stage.heal(),
};
