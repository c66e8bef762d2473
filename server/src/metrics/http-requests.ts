import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

interface Finished {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: Server;
}

const finished = 'http.server.response.finish';

/**
 * Calls `told` for each answer that this process has sent as a whole: on which host, and with which class of status. `except`: the
 * server whose answers do not count. Returns what ends it.
 */
export function watchAnswers(
  domain: string,
  except: (server: Server) => boolean,
  told: (host: 'own' | 'device', status: string) => void,
): () => void {
  const listener = (message: unknown) => {
    const { request, response, server } = message as Finished;
    if (except(server)) return;
    const name = (request.headers.host ?? '').toLowerCase().replace(/:\d*$/, '');
    told(name === domain ? 'own' : 'device', `${Math.floor(response.statusCode / 100)}xx`);
  };
  diagnostics.subscribe(finished, listener);
  return () => diagnostics.unsubscribe(finished, listener);
}
