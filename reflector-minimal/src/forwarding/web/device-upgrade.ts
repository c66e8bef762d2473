import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { CallEvents, DeviceCall } from '../../device-http/device-call.ts';
import { InvalidAnswer } from '../../device-http/invalid-answer.ts';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { responseOn } from '../../http/detached-response.ts';
import { valuesOf } from '../../http/headers.ts';
import { type Refusal, sendRefusal } from '../../http/refusal.ts';
import { withinItsHost } from '../../isolation/device-cookies.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { refusalFor } from '../../refusals/of-failure.ts';
import type { ByteBudget } from '../../streams/byte-budget.ts';
import { join } from '../../streams/join.ts';
import { answerHead, answerTrailers } from './answer-head.ts';
import type { DeviceExchange } from './exchange.ts';
import { deviceRequestHead } from './request-head.ts';
import { UserResponse } from './user-response.ts';

export type DeviceUpgradeExchange = DeviceExchange & {
  readonly socket: Duplex;
  /** What the user has sent after the head. */
  readonly head: Buffer;
  readonly clock: Clock;
  /** What is read ahead of all users. */
  readonly readAhead: ByteBudget;
};

/**
 * Carries an upgrade to WebSocket to the device, without other protocols that the user offers. After the device's 101, both
 * connections are joined. Any other response is passed on, and what the user sent after the request is dropped.
 */
export class DeviceUpgrade implements CallEvents {
  readonly #exchange: DeviceUpgradeExchange;
  readonly #call: DeviceCall;
  #answer: UserResponse | null = null;
  readonly #abandon = () => this.#call.cancel();

  constructor(exchange: DeviceUpgradeExchange) {
    const { request, devicePort, settings, socket } = exchange;
    this.#exchange = exchange;
    const message = {
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      headers: deviceRequestHead(exchange, { body: 'none', upgrade: 'websocket' }),
      body: 'none',
      upgrade: true,
      owner: exchange.user,
      client: socket,
    } as const;
    this.#call = devicePort.call(message, settings, this);
  }

  start(): void {
    const { socket } = this.#exchange;
    socket.on('close', this.#abandon);
    socket.on('error', () => {});
    this.#call.start();
  }

  ready(): void {}

  drain(): void {}

  interim(): void {}

  switched(head: ResponseHead, channel: DeviceChannel, rest: Buffer): void {
    const { socket, head: early, traffic, shared } = this.#exchange;
    socket.off('close', this.#abandon);
    // A server may only switch to a protocol that was offered (RFC 9110 section 7.8).
    if (valuesOf(head.headers, 'upgrade')[0]?.toLowerCase() !== 'websocket') {
      channel.destroy();
      this.failed(new InvalidAnswer('it changes to a protocol for which nobody has asked'));
      return;
    }
    socket.write(switchingHead(head, shared), 'latin1');
    if (rest.length > 0) socket.write(rest);
    if (early.length > 0) channel.write(early);
    traffic.bytesFrom += rest.length;
    traffic.bytesTo += early.length;
    channel.on('data', (bytes: Buffer) => {
      traffic.bytesFrom += bytes.length;
    });
    socket.on('data', (bytes: Buffer) => {
      traffic.bytesTo += bytes.length;
    });
    // From here on each direction ends by itself.
    const { limits, clock, readAhead } = this.#exchange;
    join(socket, channel, { limits, clock, total: readAhead });
  }

  head(head: ResponseHead): void {
    this.#exchange.answered(head);
    const { request, socket } = this.#exchange;
    const lines = answerHead(this.#exchange, head.status, head.headers);
    if ('error' in lines) {
      this.#call.cancel();
      this.#refuse(lines);
      return;
    }
    this.#answer = new UserResponse(responseOn(request, socket, this.#exchange), () => this.#call.resume());
    this.#answer.begin(head, lines);
  }

  body(piece: Buffer, last: boolean): void {
    this.#exchange.traffic.bytesFrom += piece.length;
    if (this.#answer?.write(piece, last) === false) this.#call.pause();
  }

  end(trailers: readonly string[]): void {
    this.#answer?.trailers(answerTrailers(this.#exchange, trailers));
  }

  finished(): void {
    this.#answer?.end();
  }

  failed(error: Error): void {
    if (this.#answer) this.#answer.cut();
    else this.#refuse(refusalFor(error, this.#exchange.port));
  }

  fault(error: unknown): void {
    this.#exchange.failed(error);
    if (this.#answer) this.#answer.cut();
    else this.#refuse(refusals.failed);
  }

  #refuse(refusal: Refusal): void {
    const { request, socket, ownedBy: domain } = this.#exchange;
    socket.off('close', this.#abandon);
    if (!socket.destroyed)
      sendRefusal(request, responseOn(request, socket, this.#exchange), refusal, { domain });
  }
}

/** The 101 response, for a connection that `node:http` has handed over. One character is one byte. */
function switchingHead({ status, reason, headers }: ResponseHead, shared: boolean): string {
  let head = `HTTP/1.1 ${status} ${reason || STATUS_CODES[status]}\r\n`;
  const lines = withinItsHost(headers, shared);
  for (let i = 0; i + 1 < lines.length; i += 2) head += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return `${head}\r\n`;
}
