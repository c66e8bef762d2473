import { latin1Encode, parseIp } from 'rm-protocol';
import type { Cancellable, Host, HostError, Listener, Socket, SocketHandler } from '../../host.ts';
import type { Boundary } from './boundary.ts';
import { type BodyBound, HttpConnection, type PageRequest, type PageResponse } from './http-connection.ts';
import { pageLimits } from './limits.ts';

export interface LanPlace {
  /** An IPv4 or IPv6 literal of this machine. */
  readonly address: string;
  readonly port: number;
  /** Further host names by which a proxy asks for the page. */
  readonly names: readonly string[];
}

export interface LanListener extends Listener {
  /** Why the page is not there at present, in words; `null`: it is, as far as is known. */
  readonly fault: string | null;
}

/**
 * Serves the page by HTTP without TLS on an address of the gateway. If listening is not possible, `failed` is told once, and it is tried
 * again: an address may come later. Connections are bounded as those of the tunnel, apart from them, so that neither keeps the other out.
 * One more ends the one that has been still for longest, so that nobody keeps others out by waiting.
 */
export function serveLan(
  { clock, network, system }: Pick<Host, 'clock' | 'network' | 'system'>,
  { address, port, names }: LanPlace,
  boundary: Boundary,
  bound: BodyBound,
  answer: (request: PageRequest, respond: (response: PageResponse) => void) => void,
  failed: (reason: string) => void,
): LanListener {
  /** By what closes each connection, that which was still for longest first. */
  const open = new Map<() => void, HttpConnection>();
  let listener: Listener | null = null;
  let again: Cancellable | null = null;
  let told = false;
  let fault: string | null = null;

  const judged = (request: PageRequest, respond: (response: PageResponse) => void): void => {
    if (isOwn(request.headers.get('host') ?? '', system.hostName(), names)) answer(request, respond);
    else respond({ status: 421, type: 'text/plain', body: latin1Encode(otherName) });
  };

  const accept = (socket: Socket): SocketHandler => {
    if (open.size >= pageLimits.connections) {
      const still = [...open].find(([, { isAnswering }]) => !isAnswering);
      if (!still) {
        socket.destroy();
        return deaf;
      }
      still[0]();
    }
    let linger: Cancellable | null = null;
    /** Bytes that the kernel has not taken yet. */
    let queued = 0;
    const http = new HttpConnection(
      clock,
      {
        send: (bytes) => {
          queued += bytes.length;
          socket.write(bytes);
          // The next request is read when the answer to this one has left, so that what waits has a bound.
          socket.pause();
        },
        end: () => {
          socket.end();
          socket.resume();
          linger ??= clock.schedule(pageLimits.lingerMs, close);
        },
      },
      bound,
      judged,
    );
    const close = () => {
      if (!open.delete(close)) return;
      http.close();
      linger?.cancel();
      socket.destroy();
    };
    open.set(close, http);
    const moved = () => {
      if (open.delete(close)) open.set(close, http);
    };
    return {
      connected: () => undefined,
      data: (bytes, start, end) => {
        moved();
        boundary.run(close, () => http.receive(bytes, start, end));
      },
      taken: (count) => {
        moved();
        queued -= count;
        if (queued === 0) socket.resume();
      },
      ended: () => boundary.run(close, () => http.remoteEnded()),
      closed: close,
    };
  };

  const listen = () => {
    fault = null;
    listener =
      network.listenTcp?.(address, port, accept, (error) => {
        listener = null;
        fault = reasonOf(error);
        if (!told) failed(fault);
        told = true;
        again = clock.schedule(pageLimits.listenAgainMs, listen);
      }) ?? null;
  };
  listen();
  return {
    get fault() {
      return fault;
    },
    close: () => {
      again?.cancel();
      listener?.close();
      for (const close of open.keys()) close();
    },
  };
}

/** Of a socket that was destroyed. */
const deaf: SocketHandler = {
  connected: () => undefined,
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

/** Why there is no listener: the host's words are about connections. */
function reasonOf({ code, message }: HostError): string {
  if (code === 'in-use') return 'another program listens there';
  return code === 'unreachable' ? 'this machine does not have the address' : message;
}

const otherName =
  'Ask for this page by an IP address or the host name of the gateway, or list this name in gateway.page.listen.names.\n';

/** Of names that nobody can own in public: RFC 6762, RFC 8375, and what routers use. */
const localDomains = ['', '.local', '.home.arpa', '.internal', '.lan'];

/**
 * Whether a value of `Host` is an address or a name of this machine. Any other name may lead here because whoever owns it says so (DNS
 * rebinding), and then their page could ask in the place of ours.
 */
function isOwn(value: string, hostName: string, names: readonly string[]): boolean {
  const host = value.replace(/:\d{1,5}$/, '').toLowerCase();
  const own = hostName.toLowerCase();
  return (
    parseIp(host.replace(/^\[(.*)\]$/, '$1')) !== null ||
    host === 'localhost' ||
    (own !== '' && localDomains.some((domain) => host === `${own}${domain}`)) ||
    names.some((name) => host === name.toLowerCase())
  );
}
