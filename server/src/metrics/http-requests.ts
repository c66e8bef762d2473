import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

interface Finished {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: Server;
}

const finished = 'http.server.response.finish';

/** The names of the server. */
interface HostNames {
  /** In lower case; devices are below it. */
  readonly domain: string;
  /** Shows devices as well. */
  readonly cookieHost: string | null;
}

/**
 * Calls `told` for each answer that this process has sent as a whole: on which host, and with which class of status. A load balancer
 * that asks for the health names no host, or an address: that is no device. `except`: the server whose answers do not count. Returns
 * what ends it.
 */
export function watchAnswers(
  { domain, cookieHost }: HostNames,
  except: (server: Server) => boolean,
  told: (host: 'own' | 'device', status: string) => void,
): () => void {
  const listener = (message: unknown) => {
    const { request, response, server } = message as Finished;
    if (except(server)) return;
    const name = (request.headers.host ?? '').toLowerCase().replace(/:\d*$/, '');
    const isDevice = name.endsWith(`.${domain}`) || name === cookieHost;
    told(isDevice ? 'device' : 'own', `${Math.floor(response.statusCode / 100)}xx`);
  };
  diagnostics.subscribe(finished, listener);
  return () => diagnostics.unsubscribe(finished, listener);
}
