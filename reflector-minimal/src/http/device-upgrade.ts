import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import { type Duplex, pipeline } from 'node:stream';
import { withinItsHost } from '../isolation/device-cookies.ts';
import { answerHead } from './answer-head.ts';
import { type DeviceExchange, deviceRequestHead } from './device-request.ts';
import { join } from './join.ts';
import { refusalFor, refusals, responseOn, sendRefusal } from './refusal.ts';
import { isFieldText, responseViolation } from './response-rules.ts';

export type DeviceUpgradeExchange = Omit<DeviceExchange, 'response'> & {
  readonly socket: Duplex;
  /** What the user has sent after the head. */
  readonly head: Buffer;
};

/**
 * Carries an upgrade to WebSocket to the device; other protocols that the user offers beside it are left out. After the
 * device's 101 both connections are one; any other answer goes back as it is, and what the user has sent behind the
 * request is dropped with the connection.
 */
export function relayUpgrade(exchange: DeviceUpgradeExchange): void {
  const { request, socket, agents, port, limits } = exchange;
  const method = request.method ?? 'GET';
  const upstream = httpRequest({
    agent: agents.single,
    method,
    path: request.url ?? '/',
    headers: deviceRequestHead(exchange, { body: 'none', upgrade: 'websocket' }),
    setHost: false,
    maxHeaderSize: limits.headBytes * 2,
    host: 'device',
    port,
  });
  upstream.maxHeadersCount = 0;
  const timer = setTimeout(() => {
    upstream.destroy();
    refuse(refusals.noAnswer);
  }, limits.responseMs);
  const abandon = () => upstream.destroy();
  let answered = false;
  const refuse = (refusal: Parameters<typeof sendRefusal>[2]) => {
    if (answered || socket.destroyed) return;
    settle();
    sendRefusal(request, responseOn(request, socket, limits.discardMs), refusal);
  };
  const settle = () => {
    answered = true;
    clearTimeout(timer);
    socket.off('close', abandon);
  };
  socket.on('close', abandon);
  socket.on('close', () => clearTimeout(timer));
  socket.on('error', () => {});
  upstream.on('error', (error) => refuse(refusalFor(error, port)));
  upstream.on('upgrade', (incoming, channel, channelHead) => {
    if (!isWebSocketAnswer(incoming)) {
      channel.destroy();
      refuse(refusals.invalidAnswer);
      return;
    }
    settle();
    carry(exchange, incoming, channel, channelHead);
  });
  let interim = 0;
  upstream.on('information', () => {
    if (++interim <= limits.interimResponses) return;
    upstream.destroy();
    refuse(refusals.invalidAnswer);
  });
  upstream.on('response', (incoming) => {
    incoming.on('error', () => {});
    if (answered || responseViolation(incoming, limits)) {
      incoming.destroy();
      refuse(refusals.invalidAnswer);
      return;
    }
    const head = answerHead(exchange, incoming.statusCode ?? 502, incoming.rawHeaders);
    if ('error' in head) {
      incoming.destroy();
      refuse(head);
      return;
    }
    settle();
    const response = responseOn(request, socket, limits.discardMs);
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', head);
    pipeline(incoming, response, () => {});
  });
  upstream.end();
}

/** Makes one connection of both once the device has taken the upgrade; from here on each direction ends by itself. */
function carry(
  { socket, head, traffic, shared }: DeviceUpgradeExchange,
  incoming: IncomingMessage,
  channel: Duplex,
  channelHead: Buffer,
): void {
  channel.allowHalfOpen = true;
  socket.write(headOf(incoming, shared));
  if (channelHead.length > 0) socket.write(channelHead);
  if (head.length > 0) channel.write(head);
  traffic.bytesFrom += channelHead.length;
  traffic.bytesTo += head.length;
  channel.on('data', (bytes: Buffer) => {
    traffic.bytesFrom += bytes.length;
  });
  socket.on('data', (bytes: Buffer) => {
    traffic.bytesTo += bytes.length;
  });
  join(socket, channel);
}

/** Only what was asked for is agreed to (RFC 9110 section 7.8). */
function isWebSocketAnswer({
  statusCode,
  statusMessage = '',
  headers,
  rawHeaders,
}: IncomingMessage): boolean {
  return (
    statusCode === 101 &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    [statusMessage, ...rawHeaders].every(isFieldText)
  );
}

/** The 101 response, for a connection that `node:http` has let go of. */
function headOf(incoming: IncomingMessage, shared: boolean): string {
  const status = incoming.statusCode ?? 101;
  let head = `HTTP/1.1 ${status} ${incoming.statusMessage || STATUS_CODES[status]}\r\n`;
  const lines = withinItsHost(incoming.rawHeaders, shared);
  for (let i = 0; i + 1 < lines.length; i += 2) head += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return `${head}\r\n`;
}
