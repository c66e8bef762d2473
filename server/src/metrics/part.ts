import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Route } from 'rm-reflector/ports';
import { ConfigurationError } from 'rm-reflector/program';
import { readSecret } from '../configuration/secret.ts';
import { hostAndPort } from '../configuration/socket-address.ts';
import { placeOfWorker, workerOf } from '../configuration/workers.ts';
import type { Core, Foundation, Part } from '../part.ts';
import { Figures } from './figures.ts';
import { healthEndpoint } from './health-endpoint.ts';

const path = '/metrics';
const leastToken = 16;

/** How the server does: `/health` of the API, and `/metrics` for Prometheus on a listener of its own, or for whoever has a token. */
export function metricsPart(version: string): Part {
  return {
    check(place) {
      tokenOf(place);
      const listen = listenOf(place);
      if (listen !== undefined && hostAndPort(listen).port > 65_535) {
        throw new ConfigurationError(
          `${place.file ?? 'configuration'}: metrics.listen: there is no such port`,
        );
      }
    },
    run(core) {
      const { metrics } = core.configuration;
      const endpoints = [healthEndpoint(core, version)];
      if (!metrics) return { endpoints };
      const token = tokenOf(core);
      let listener: Server | undefined;
      const figures = new Figures(core, version, (server) => server === listener);
      const listen = listenOf(core);
      if (listen !== undefined) listener = listenerOf(figures, token, core);
      return {
        endpoints,
        routes: listen === undefined ? [routeOf(figures, token)] : [],
        start() {
          if (listen === undefined) return;
          listener?.listen({ ...hostAndPort(listen), exclusive: true }, () =>
            core.log.info({ listen }, 'metrics'),
          );
        },
        stop() {
          listener?.closeAllConnections();
          listener?.close();
          figures.stop();
        },
      };
    },
  };
}

type Place = Pick<Foundation, 'configuration' | 'file' | 'environment'>;

/** Each worker has figures of its own, and so a port of its own. Throws `ConfigurationError`. */
function listenOf({ configuration: { metrics }, file, environment }: Place): string | undefined {
  const worker = workerOf(environment);
  if (metrics?.listen === undefined || !worker) return metrics?.listen;
  return placeOfWorker(metrics.listen, worker, `${file ?? 'configuration'}: metrics.listen`);
}

/** Throws `ConfigurationError`. */
function tokenOf({ configuration: { metrics }, file, environment }: Place): string | null {
  if (metrics?.token === undefined) return null;
  const where = `${file ?? 'configuration'}: metrics.token`;
  const token = readSecret(metrics.token, where, environment);
  if (token.length < leastToken)
    throw new ConfigurationError(`${where}: must have ${leastToken} characters or more`);
  return token;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

function isProven(authorization: string | undefined, token: string): boolean {
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`));
}

const refusal = { status: 401, error: 'This takes the token of the metrics' };
const challenge = { 'WWW-Authenticate': 'Bearer realm="metrics"' };

function routeOf(figures: Figures, token: string | null): Route {
  return {
    access: 'anyone',
    methods: ['GET'],
    path,
    async answer({ headers }) {
      if (token === null || !isProven(headers.authorization, token))
        return { ...refusal, headers: challenge };
      return { status: 200, type: figures.contentType, body: await figures.text() };
    },
  };
}

function listenerOf(figures: Figures, token: string | null, { log, limits }: Core): Server {
  const server = createServer(
    {
      requestTimeout: limits.metricsMs,
      headersTimeout: limits.metricsMs,
      connectionsCheckingInterval: limits.metricsMs / 2,
    },
    (request, response) => {
      if (request.method !== 'GET' || request.url?.split('?')[0] !== path) {
        response.writeHead(404).end();
        return;
      }
      if (token !== null && !isProven(request.headers.authorization, token)) {
        response.writeHead(401, challenge).end();
        return;
      }
      figures.text().then(
        (text) => response.writeHead(200, { 'Content-Type': figures.contentType }).end(text),
        (error: unknown) => {
          log.error({ err: error }, 'metrics failed');
          response.writeHead(500).end();
        },
      );
    },
  );
  server.maxConnections = limits.metricsConnections;
  server.on('error', (error) => log.error({ err: error }, 'the listener of the metrics cannot be used'));
  return server;
}
