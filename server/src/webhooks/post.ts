import type { LookupAddress } from 'node:dns';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Destinations } from './destinations.ts';
import { lookUpName } from './name-lookup.ts';

/** What became of one attempt. */
export interface Outcome {
  /** `null`: there was no answer. */
  readonly status: number | null;
  /** Why there was none. */
  readonly error: string | null;
  /** The first bytes of the answer, as text. */
  readonly answer: string | null;
  /** Of the answer. */
  readonly retryAfter: string | null;
  readonly ms: number;
}

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** All addresses of a name. Rejects when there are none, and when the signal ends it. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<LookupAddress[]>;

export interface PostContext {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'webhookMs' | 'webhookAnswerBytes'>;
  readonly destinations: Destinations;
  readonly resolve?: Resolve;
}

/**
 * Posts once, on a connection of its own. The address is judged when the connection is made, after its name was resolved, so that a
 * name that leads elsewhere the next time is no way around it. Redirects are not followed. Never rejects.
 */
export function post(
  context: PostContext,
  { url, headers, body }: Posting,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock, limits, destinations } = context;
  const lookUp = context.resolve ?? ((name, signal) => lookUpName(name, { signal, clock }));
  const started = clock.now();
  const target = new URL(url);
  const secure = target.protocol === 'https:';
  const over = new AbortController();
  return new Promise((resolve) => {
    let status: number | null = null;
    let retryAfter: string | null = null;
    const pieces: Buffer[] = [];
    const done = (error: string | null) => {
      timer.cancel();
      signal.removeEventListener('abort', stop);
      const text = Buffer.concat(pieces).subarray(0, limits.webhookAnswerBytes).toString('utf8');
      const ms = Math.round(clock.now() - started);
      resolve({
        status,
        error: status === null ? error : null,
        answer: status === null ? null : text,
        retryAfter,
        ms,
      });
      request.destroy();
      over.abort();
    };
    const timer = clock.schedule(limits.webhookMs, () =>
      done(`no answer within ${limits.webhookMs / 1000} s`),
    );
    const stop = () => done('the server stops');
    signal.addEventListener('abort', stop);
    const guarded: LookupFunction = (name, options, found) => {
      const judge = (addresses: LookupAddress[]) => {
        const refusals = addresses.map(({ address }) => destinations.refusal(address, secure));
        const good = addresses.filter((_, i) => refusals[i] === null);
        const [first] = good;
        if (!first) return found(new Error(refusals[0] ?? 'the name has no address'), '', 0);
        if (options.all) return found(null, good);
        found(null, first.address, first.family);
      };
      lookUp(name, over.signal).then(judge, (error: Error) => found(error, '', 0));
    };
    const send = secure ? tlsRequest : plainRequest;
    const request = send(target, {
      method: 'POST',
      agent: false,
      lookup: guarded,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'rm-server',
        connection: 'close',
      },
    });
    request.on('error', (error) => done(error.message === '' ? error.name : error.message));
    request.on('response', (response) => {
      status = response.statusCode ?? null;
      retryAfter = response.headers['retry-after'] ?? null;
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes >= limits.webhookAnswerBytes) done(null);
      });
      response.on('end', () => done(null));
      response.on('error', () => done(null));
      response.on('close', () => done(null));
    });
    // No name, no look-up.
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const refusal = isIP(host) === 0 ? null : destinations.refusal(host, secure);
    if (signal.aborted) stop();
    else if (refusal !== null) done(refusal);
    else request.end(body);
  });
}
