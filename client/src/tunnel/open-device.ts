import { createHash, randomBytes } from 'node:crypto';
import {
  acceptAnswer,
  acceptFor,
  CLIENT_PROTOCOL,
  checkUpgradeResponse,
  encodeTerms,
  encodeUpgradeRequest,
  type HttpUri,
  hostHeader,
  LEGACY_FRAME_BYTES,
  type Offer,
  ProtocolError,
  type ResponseHead,
} from 'rm-protocol';
import { type Authorization, refusedReason } from '../account/authorization.ts';
import { dial, exchangeHeads, type Route } from '../connection/dial.ts';
import { proxyFault } from '../connection/proxy-fault.ts';
import { Failure } from '../failure.ts';
import { DeviceStream } from './device-stream.ts';

/** A port of a device. */
export interface Target {
  readonly device: string;
  readonly port: number;
}

/** The device does not forward the port, or this user may not use it. */
export class NotForwarded extends Failure {}

/**
 * Opens one TCP connection to a port of a device. It dials the reflector's own name, so no wildcard DNS entry is needed;
 * `Host` names the device. Rejects with a {@link Failure}.
 */
export async function openDevice(
  route: Route,
  authorization: Authorization,
  { device, port }: Target,
): Promise<DeviceStream> {
  const { reflector, limits, clock } = route;
  const name = `${device} port ${port}`;
  const socket = await dial(route);
  const nonce = randomBytes(16);
  const offer: Offer = {
    keepAlive: Math.ceil(limits.keepAliveMs / 1000),
    // The window has no meaning here: a WebSocket carries one connection, and TCP is its flow control.
    extension: { maxFrame: limits.messageBytes, window: limits.messageBytes },
  };
  const request = encodeUpgradeRequest({
    method: 'GET',
    target: '/',
    host: hostHeader({ ...reflector, host: `${device}.${reflector.host}` }),
    nonce,
    protocol: CLIENT_PROTOCOL,
    fields: [
      ['X-WebTunnel-RemotePort', String(port)],
      ...encodeTerms(offer),
      ['Authorization', authorization.header],
      ['User-Agent', 'rm-client'],
    ],
  });
  const head = await exchangeHeads(route, socket, request, name, limits.upgradeMs);
  try {
    if (head.status !== 101) throw refusal(head, reflector, authorization, name);
    checkUpgradeResponse(head, acceptFor(nonce, sha1), CLIENT_PROTOCOL);
    const { keepAlive, extension } = acceptAnswer(offer, head.headers, (error) => {
      throw error;
    });
    return new DeviceStream({
      socket,
      name,
      extended: extension !== null,
      maxMessage: extension?.maxFrame ?? LEGACY_FRAME_BYTES,
      // The reflector may ask for a shorter keep-alive time.
      keepAliveMs: Math.min(keepAlive * 1000, limits.keepAliveMs),
      limits,
      clock,
    });
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error instanceof ProtocolError ? new Failure(`${name}: ${error.message}`) : error;
  }
}

function sha1(data: Uint8Array): Uint8Array {
  return createHash('sha1').update(data).digest();
}

const meanings: Readonly<Record<number, string>> = {
  403: 'the device does not forward this port, or you are not allowed to use it',
  404: 'there is no such device',
  426: 'a proxy on the way does not pass WebSocket upgrades on',
  502: 'the service on the device does not answer',
  503: 'the device is off line',
  504: 'the device has not answered in time',
};

function refusal(
  { status, reason, headers }: ResponseHead,
  reflector: HttpUri,
  authorization: Authorization,
  name: string,
): Failure {
  if (status === 401) {
    const reason = refusedReason(headers.get('x-authenticate'), authorization);
    return new Failure(`${hostHeader(reflector)}: ${reason}`);
  }
  const text =
    headers.get('x-ptth-error') || proxyFault(status, (field) => headers.get(field)) || meanings[status];
  const line = `${name}: ${text ?? `the reflector answered ${status} ${reason}`}`;
  return status === 403 ? new NotForwarded(line) : new Failure(line);
}
