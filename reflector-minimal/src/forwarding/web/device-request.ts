import type { CallEvents, DeviceCall } from '../../device-http/device-call.ts';
import { isStream, type ResponseHead } from '../../device-http/response-head.ts';
import { framingOf, type RequestFraming, trailerFields } from '../../http/headers.ts';
import { type Refusal, sendRefusal } from '../../http/refusal.ts';
import type { StoredAnswer } from '../../ports/response-cache.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { refusalFor } from '../../refusals/of-failure.ts';
import { answerHead, answerTrailers } from './answer-head.ts';
import type { DeviceExchange, RequestParts } from './exchange.ts';
import { interimResponse } from './interim-response.ts';
import { sendStored } from './stored-response.ts';
import { UserResponse } from './user-response.ts';

/**
 * Streams one request to the device and its response back. At most a window and a socket buffer of each is in memory. When
 * the user goes away, the device's connection ends at once. Exceptions end only this exchange.
 */
export class DeviceRequest implements CallEvents {
  readonly #exchange: DeviceExchange;
  readonly #response: RequestParts['response'];
  readonly #cached: RequestParts['cached'];
  readonly #body: RequestFraming['body'];
  readonly #answer: UserResponse;
  readonly #call: DeviceCall;
  #answered = false;
  #endless = false;
  /** What the user gets in place of the device's answer. */
  #instead: StoredAnswer | null = null;
  #added: readonly string[] = [];
  /** The user waits for the device's 100 before sending the body. */
  #held: boolean;

  constructor(exchange: DeviceExchange, { response, head, cached }: RequestParts) {
    const { request, devicePort, settings } = exchange;
    this.#exchange = exchange;
    this.#response = response;
    this.#cached = cached;
    this.#body = framingOf(request.rawHeaders);
    this.#held =
      this.#body !== 'none' && request.httpVersionMinor > 0 && request.headers.expect !== undefined;
    this.#answer = new UserResponse(response, () => this.#call.resume());
    const message = {
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      headers: head,
      body: this.#body,
      upgrade: false,
      owner: exchange.user,
      client: request.socket,
    };
    this.#call = devicePort.call(message, settings, this);
  }

  /** An event stream: it lasts until one side leaves. */
  get endless(): boolean {
    return this.#endless;
  }

  start(): void {
    const { request } = this.#exchange;
    const response = this.#response;
    response.on('close', () => {
      if (!response.writableFinished) this.#call.cancel();
    });
    // The user broke off in the middle of the request.
    request.on('close', () => {
      if (!request.complete) this.#call.cancel();
    });
    request.on('error', () => {});
    response.on('error', () => {});
    this.#call.start();
  }

  // --- the request ---

  ready(): void {
    const { request } = this.#exchange;
    request.on('data', (chunk: Buffer) => {
      this.#held = false;
      // After the call has ended, the rest is read and dropped.
      if (this.#call.over) return;
      this.#exchange.traffic.bytesTo += chunk.length;
      if (!this.#call.write(chunk)) request.pause();
    });
    request.on('end', () => this.#endRequest());
  }

  drain(): void {
    this.#exchange.request.resume();
  }

  #endRequest(): void {
    const { request, limits } = this.#exchange;
    if (request.rawTrailers.length / 2 > limits.headLines) {
      this.#call.cancel();
      this.#refuse({ status: 431, error: 'Too many trailer lines' });
      return;
    }
    this.#call.end(trailerFields(request.rawTrailers));
  }

  // --- the response ---

  interim(head: ResponseHead): void {
    const { request, shared } = this.#exchange;
    const response = this.#response;
    if (request.httpVersionMinor === 0 || response.headersSent) return;
    if (head.status !== 100) {
      response.socket?.write(interimResponse(head, shared), 'latin1');
    } else if (request.headers.expect !== undefined) {
      this.#held = false;
      response.writeContinue();
    }
  }

  head(head: ResponseHead): void {
    this.#exchange.answered(head);
    const { connectionAuthenticated } = this.#call;
    const used = this.#cached?.answered({ ...head, connectionAuthenticated });
    if (used?.instead) {
      this.#instead = used.instead;
      this.#added = used.added;
      return;
    }
    const lines = answerHead(this.#exchange, head.status, head.headers);
    if ('error' in lines) {
      this.#call.cancel();
      this.#refuse(lines);
      return;
    }
    this.#answered = true;
    this.#endless = isStream(head.headers);
    this.#answer.begin(head, used ? [...lines, ...used.added] : lines);
  }

  body(piece: Buffer, last: boolean): void {
    this.#exchange.traffic.bytesFrom += piece.length;
    if (this.#instead) return;
    this.#cached?.body(piece);
    if (!this.#answer.write(piece, last)) this.#call.pause();
  }

  end(trailers: readonly string[]): void {
    if (this.#instead) return;
    this.#answer.trailers(answerTrailers(this.#exchange, trailers));
    // The user was not asked for the body and will not send it (RFC 9110 section 10.1.1).
    if (this.#held) this.#call.abandonRequest();
  }

  finished(): void {
    const { request } = this.#exchange;
    if (this.#instead) {
      sendStored(this.#exchange, this.#response, this.#instead, this.#added);
      return;
    }
    this.#cached?.whole();
    this.#answer.end();
    if (request.complete) return;
    // Once the response is through, `node:http` does not tell the request any more that the user has gone.
    const gone = () => this.#call.cancel();
    request.socket.once('close', gone);
    request.once('end', () => request.socket.off('close', gone));
  }

  switched(): void {
    // The request asked for no upgrade.
    throw new Error('switched without an upgrade');
  }

  failed(error: Error): void {
    // The user must notice that the response is incomplete.
    if (this.#answered) this.#answer.cut();
    else this.#refuse(refusalFor(error, this.#exchange.port));
  }

  fault(error: unknown): void {
    this.#exchange.failed(error);
    if (this.#response.headersSent) this.#answer.cut();
    else this.#refuse(refusals.failed);
  }

  #refuse(refusal: Refusal): void {
    const { request, ownedBy } = this.#exchange;
    const response = this.#response;
    if (response.headersSent || response.destroyed) response.destroy();
    else sendRefusal(request, response, refusal, { domain: ownedBy });
  }
}
