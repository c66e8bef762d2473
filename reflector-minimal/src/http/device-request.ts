import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Traffic } from '../audit/audit.ts';
import type { ServiceSettings } from '../devices/service-settings.ts';
import { withinItsHost, withoutOurCookies } from '../isolation/device-cookies.ts';
import type { Limits } from '../limits.ts';
import { ChannelFailure } from '../tunnels/channel-failure.ts';
import { answerHead } from './answer-head.ts';
import type { DeviceAgents } from './device-agent.ts';
import type { DeviceSite } from './device-links.ts';
import { framingOf, type RequestFraming, requestHeaders, trailerFields } from './headers.ts';
import type { Origin } from './origin.ts';
import { refusalFor, refusals, sendRefusal } from './refusal.ts';
import { responseViolation } from './response-rules.ts';

export interface DeviceExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: Origin;
  readonly agents: DeviceAgents;
  readonly port: number;
  readonly settings: ServiceSettings;
  readonly site: DeviceSite;
  /** `Authorization` that is meant for the device. */
  readonly authorization: string | null;
  /** On a host that devices share. */
  readonly shared: boolean;
  /** Bodies are counted here. */
  readonly traffic: Traffic;
  readonly limits: Limits;
}

/** Safe methods (RFC 9110 section 9.2.1): such a request may go out twice. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Carries one request to the device and its response back, as streams: at no time more than a window and a socket
 * buffer of either is in memory. When the user goes away, the device's connection is ended at once.
 */
export class DeviceRequest {
  readonly #exchange: DeviceExchange;
  readonly #body: 'none' | 'length' | 'chunked';
  #upstream: ClientRequest | null = null;
  #retried = false;
  #answered = false;
  #endless = false;
  /** Responses with a status of 1xx so far. */
  #interim = 0;
  /** Waits for the response head; armed anew by each piece of the request. */
  #timer: NodeJS.Timeout | null = null;

  constructor(exchange: DeviceExchange) {
    this.#exchange = exchange;
    this.#body = framingOf(exchange.request.rawHeaders);
  }

  /** A stream of events, which goes on until somebody leaves. */
  get endless(): boolean {
    return this.#endless;
  }

  start(): void {
    const { request, response } = this.#exchange;
    response.on('close', () => {
      this.#stopWaiting();
      if (response.writableFinished) return;
      const upstream = this.#upstream;
      // Its end is ours, and no reason to send the request again.
      this.#upstream = null;
      upstream?.destroy();
    });
    request.on('error', () => {});
    response.on('error', () => {});
    this.#send();
    if (this.#body !== 'none') this.#pumpRequest();
  }

  #send(): void {
    const { request, agents, port } = this.#exchange;
    const method = request.method ?? 'GET';
    const repeatable = this.#body === 'none' && safeMethods.has(method);
    const pooled = repeatable && !this.#retried;
    const upstream = httpRequest({
      agent: pooled ? agents.pooled : agents.single,
      method,
      path: request.url ?? '/',
      headers: deviceRequestHead(this.#exchange, { body: this.#body }),
      setHost: false,
      maxHeaderSize: this.#exchange.limits.headBytes * 2,
      host: 'device',
      port,
    });
    upstream.maxHeadersCount = 0;
    this.#upstream = upstream;
    upstream.on('response', (incoming) => {
      // It says nothing of this: a server that closes early, with the rest of the request unread, loses its answer.
      if (!pooled) upstream.shouldKeepAlive = false;
      this.#answer(incoming);
    });
    upstream.on('upgrade', (_incoming, channel) => {
      // Nobody has asked for another protocol.
      channel.destroy();
      if (upstream === this.#upstream) this.#refuse(refusals.invalidAnswer);
    });
    upstream.on('information', (info) => {
      if (upstream !== this.#upstream || this.#flooded()) return;
      if (info.statusCode === 100) this.#continue();
      else this.#inform(info.statusCode, withinItsHost(info.rawHeaders, this.#exchange.shared));
    });
    upstream.on('error', (error) => {
      if (upstream !== this.#upstream) return;
      if (repeatable && upstream.reusedSocket && !this.#retried && !this.#answered && !isFinal(error)) {
        // The device closed an idle connection while the request was on its way.
        this.#retried = true;
        this.#send();
      } else {
        this.#fail(error);
      }
    });
    this.#await();
    if (this.#body === 'none') upstream.end();
    else upstream.flushHeaders();
  }

  #pumpRequest(): void {
    const { request } = this.#exchange;
    request.on('data', (chunk: Buffer) => {
      const upstream = this.#upstream;
      // After the response has ended, or the device has gone, the rest is read only to be dropped.
      if (!upstream || upstream.destroyed || upstream.writableEnded) return;
      if (!this.#answered) this.#await();
      this.#exchange.traffic.bytesTo += chunk.length;
      if (!upstream.write(chunk)) {
        request.pause();
        upstream.once('drain', () => request.resume());
      }
    });
    request.on('end', () => {
      const upstream = this.#upstream;
      if (!upstream || upstream.destroyed) return;
      if (request.rawTrailers.length / 2 > this.#exchange.limits.headLines) {
        upstream.destroy();
        this.#refuse({ status: 431, error: 'Too many trailer lines' });
        return;
      }
      if (this.#body === 'chunked') upstream.addTrailers(trailerFields(request.rawTrailers));
      upstream.end();
    });
    // The user broke off in the middle of the request.
    request.on('close', () => {
      if (!request.complete) this.#upstream?.destroy();
    });
  }

  #await(): void {
    if (this.#timer) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#upstream?.destroy();
      if (!this.#answered) this.#refuse(refusals.noAnswer);
    }, this.#exchange.limits.responseMs);
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  /** Interim responses go to the user as they come, whether the user reads or not: a few are enough. */
  #flooded(): boolean {
    if (++this.#interim <= this.#exchange.limits.interimResponses) return false;
    this.#upstream?.destroy();
    this.#refuse(refusals.invalidAnswer);
    return true;
  }

  #continue(): void {
    const { request, response } = this.#exchange;
    if (request.httpVersionMinor > 0 && request.headers.expect && !response.headersSent)
      response.writeContinue();
  }

  #inform(status: number, rawHeaders: readonly string[]): void {
    const { request, response } = this.#exchange;
    if (request.httpVersionMinor === 0 || response.headersSent) return;
    if (status === 102) response.writeProcessing();
    if (status !== 103) return;
    const hints: Record<string, string[]> = Object.create(null);
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] ?? '').toLowerCase();
      hints[name] = [...(hints[name] ?? []), rawHeaders[i + 1] ?? ''];
    }
    try {
      response.writeEarlyHints(hints);
    } catch {
      // Hints may be left out; node:http accepts only well-formed links.
    }
  }

  #answer(incoming: IncomingMessage): void {
    const { request, response } = this.#exchange;
    if (responseViolation(incoming, this.#exchange.limits)) {
      this.#refuseAnswer(incoming);
      return;
    }
    const head = answerHead(this.#exchange, incoming.statusCode ?? 502, incoming.rawHeaders);
    if ('error' in head) {
      incoming.on('error', () => {});
      incoming.destroy();
      this.#refuse(head);
      return;
    }
    this.#answered = true;
    this.#endless = /^text\/event-stream\b/i.test(incoming.headers['content-type'] ?? '');
    this.#stopWaiting();
    try {
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', head);
    } catch {
      // A head with names that must not be passed on.
      this.#answered = false;
      this.#refuseAnswer(incoming);
      return;
    }
    const channel = incoming.socket;
    let begun = false;
    // A head whose body does not come at once (server-sent events) leaves at once; otherwise both leave together.
    setImmediate(() => {
      if (!begun && !response.destroyed) response.flushHeaders();
    });
    incoming.on('data', (chunk: Buffer) => {
      begun = true;
      this.#exchange.traffic.bytesFrom += chunk.length;
      if (!response.write(chunk)) incoming.pause();
    });
    response.on('drain', () => incoming.resume());
    incoming.on('end', () => {
      begun = true;
      noneBehind(channel);
      if (incoming.rawTrailers.length / 2 > this.#exchange.limits.headLines) {
        cutShort(response);
        return;
      }
      const trailers = trailerFields(incoming.rawTrailers);
      if (trailers.length > 0) response.addTrailers(trailers);
      response.end();
      // The device answered before it had the whole request (413, for example). The rest is dropped.
      if (!request.complete) {
        this.#upstream?.destroy();
        this.#upstream = null;
      }
    });
    incoming.on('error', () => cutShort(response));
    incoming.on('close', () => {
      // Cut short: the user must not take it for the whole.
      if (!incoming.complete) cutShort(response);
    });
  }

  #refuseAnswer(incoming: IncomingMessage): void {
    incoming.on('error', () => {});
    incoming.destroy();
    this.#refuse(refusals.invalidAnswer);
  }

  #fail(error: Error): void {
    this.#stopWaiting();
    if (this.#answered) {
      // With the response head out, its own end tells: a complete one is not spoilt by what comes after.
      return;
    }
    this.#refuse(refusalFor(error, this.#exchange.port));
  }

  #refuse(refusal: Parameters<typeof sendRefusal>[2]): void {
    const { request, response } = this.#exchange;
    this.#stopWaiting();
    this.#upstream = null;
    if (response.headersSent || response.destroyed) response.destroy();
    else sendRefusal(request, response, refusal);
  }
}

/** The head that the device gets: nothing in it opens the reflector. */
export function deviceRequestHead(
  {
    request,
    origin,
    authorization,
    settings,
  }: Pick<DeviceExchange, 'request' | 'origin' | 'authorization' | 'settings'>,
  framing: RequestFraming,
): string[] {
  const head = withoutOurCookies(
    requestHeaders(request.rawHeaders, request.method ?? 'GET', framing, origin, settings),
  );
  if (authorization !== null) head.push('Authorization', authorization);
  return head;
}

/**
 * Ends a response that is not whole. In HTTP/1.0 only the end of the connection may delimit the body, and this must not
 * look like an end in order: a reset does not.
 */
function cutShort(response: ServerResponse): void {
  const { socket, req } = response;
  if (req.httpVersion === '1.0' && socket && 'resetAndDestroy' in socket) socket.resetAndDestroy();
  response.destroy();
}

/** Bytes behind a response belong to no request: the next one on this connection would take them for its answer. */
function noneBehind(socket: Duplex): void {
  if (socket.readableLength > 0) socket.destroy();
}

/** The device itself has said that there is no connection to be had. */
function isFinal(error: Error): boolean {
  return error instanceof ChannelFailure && error.stage === 'opening';
}
