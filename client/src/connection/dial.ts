import { connect, type Socket } from 'node:net';
import {
  type Clock,
  encodeRequestHead,
  formatHttpUri,
  HeadReader,
  type HttpUri,
  hostAndPort,
  hostHeader,
  ProtocolError,
  type ResponseHead,
} from 'rm-protocol';
import { Failure, reasonOf } from '../failure.ts';
import type { Limits } from '../limits.ts';
import type { HttpProxy } from './proxy.ts';
import { startTls, type TlsSettings } from './tls.ts';

/** How the reflector is reached. */
export interface Route {
  /** Scheme, host and port of the reflector; its host is the domain of the devices. */
  readonly reflector: HttpUri;
  readonly proxy: HttpProxy | null;
  readonly tls: TlsSettings;
  readonly limits: Limits;
  readonly clock: Clock;
}

/** Connects to the reflector, through the proxy and with TLS as the route says. The socket is paused. Rejects with a {@link Failure}. */
export async function dial(route: Route): Promise<Socket> {
  const { reflector, proxy, tls } = route;
  if (!proxy) {
    const socket = await connectTcp(route, reflector, nameOf(reflector));
    return reflector.secure ? secure(route, socket, reflector, nameOf(reflector), tls) : socket;
  }
  const name = `proxy ${hostHeader(proxy.uri)}`;
  let socket = await connectTcp(route, proxy.uri, name);
  if (proxy.uri.secure) socket = await secure(route, socket, proxy.uri, name, tls);
  await askProxy(route, socket, proxy, name);
  return reflector.secure ? secure(route, socket, reflector, nameOf(reflector), tls) : socket;
}

function nameOf(uri: HttpUri): string {
  return formatHttpUri(uri).replace(/\/$/, '');
}

/** Waits for `event`. On failure, the socket is destroyed. */
function reached(
  { limits, clock }: Route,
  socket: Socket,
  event: 'connect' | 'secureConnect',
  name: string,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const done = () => {
      timer.cancel();
      socket.off(event, succeed).off('error', fail).off('close', close);
    };
    const succeed = () => {
      done();
      resolve(socket);
    };
    const fail = (error: unknown) => {
      done();
      socket.on('error', () => {});
      socket.destroy();
      reject(new Failure(`${name}: ${reasonOf(error)}`));
    };
    const close = () => fail('connection closed before an answer');
    const timer = clock.schedule(limits.stepMs, () => fail(`no answer within ${limits.stepMs / 1000} s`));
    socket.on(event, succeed).on('error', fail).on('close', close);
  });
}

function connectTcp(route: Route, { host, port }: HttpUri, name: string): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  // Notices a peer that vanished while nothing is being sent. While something is, TCP itself times out.
  socket.setKeepAlive(true, route.limits.keepAliveMs);
  return reached(route, socket, 'connect', name);
}

function secure(route: Route, socket: Socket, uri: HttpUri, name: string, tls: TlsSettings): Promise<Socket> {
  try {
    const secured = startTls(socket, uri.host, tls);
    return reached(route, secured, 'secureConnect', name);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function askProxy(route: Route, socket: Socket, proxy: HttpProxy, name: string): Promise<void> {
  const { host, port } = route.reflector;
  const authority = hostAndPort(host, port);
  const request = encodeRequestHead('CONNECT', authority, [
    ['Host', authority],
    ...(proxy.authorization === null ? [] : [['Proxy-Authorization', proxy.authorization] as const]),
  ]);
  const { status, reason } = await exchangeHeads(route, socket, request, name, route.limits.stepMs);
  if (status >= 200 && status <= 299) return;
  socket.destroy();
  const hint =
    status === 407
      ? proxy.authorization === null
        ? ': it wants a password'
        : ': wrong user or password'
      : '';
  throw new Failure(`${name} answered ${status} ${reason}${hint}`);
}

/**
 * Sends a request without a body and reads the head of the final response. Further bytes go back into the socket, which
 * is paused then. Rejects with a {@link Failure} and destroys the socket.
 */
export function exchangeHeads(
  { limits, clock }: Pick<Route, 'limits' | 'clock'>,
  socket: Socket,
  request: Uint8Array,
  name: string,
  timeoutMs: number,
): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    let reader = new HeadReader(limits.headBytes);
    let interim = 0;
    const done = () => {
      timer.cancel();
      socket.pause();
      socket.off('data', receive).off('error', fail).off('end', end).off('close', end);
    };
    const fail = (error: unknown) => {
      done();
      socket.on('error', () => {});
      socket.destroy();
      reject(new Failure(`${name}: ${reasonOf(error)}`));
    };
    const end = () => fail('connection closed before an answer');
    const receive = (bytes: Buffer) => {
      try {
        for (let at = 0; at < bytes.length; ) {
          const after = reader.push(bytes, at, bytes.length);
          if (after < 0) return;
          at = after;
          const head = reader.response();
          if (head.status >= 200 || head.status === 101) {
            done();
            if (at < bytes.length) socket.unshift(bytes.subarray(at));
            resolve(head);
            return;
          }
          if (++interim > limits.interimAnswers) throw new Error('too many interim responses');
          reader = new HeadReader(limits.headBytes);
        }
      } catch (error) {
        fail(error instanceof ProtocolError ? error.message : error);
      }
    };
    const timer = clock.schedule(timeoutMs, () => fail(`no answer within ${timeoutMs / 1000} s`));
    socket.on('data', receive).on('error', fail).on('end', end).on('close', end);
    socket.write(request);
    socket.resume();
  });
}
