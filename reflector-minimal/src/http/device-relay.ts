import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Context } from '../context.ts';
import type { ConnectedDevice } from '../devices/connected-device.ts';
import { type Identity, revokedReason } from '../users/identity.ts';
import type { Admitted } from './admission.ts';
import { DeviceAgents } from './device-agent.ts';
import { DeviceRequest } from './device-request.ts';
import { relayUpgrade } from './device-upgrade.ts';
import { framingOf } from './headers.ts';
import type { Origin } from './origin.ts';
import { type Refusal, refusals } from './refusal.ts';

/** Carries what has been admitted to the web interface of a device, for as long as what let it in stands. */
export class DeviceRelay {
  readonly #context: Context;
  readonly #agents = new WeakMap<ConnectedDevice, Map<number, DeviceAgents>>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** The request under way, or why it is not taken. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    { identity, target, authorization }: Admitted,
  ): DeviceRequest | Refusal {
    const { device, port } = target;
    if (port === null) return refusals.noWebInterface(device.id);
    const { limits, log } = this.#context;
    log.debug(
      { user: identity.user.name, device: device.id, port, method: request.method, address: origin.address },
      'request',
    );
    this.#grant(identity, device, response, () => response.destroy());
    const agents = this.#agentsOf(device, port);
    const relay = new DeviceRequest({ request, response, origin, agents, port, authorization, limits });
    relay.start();
    return relay;
  }

  /** Gives why it is not taken, if so. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    origin: Origin,
    { identity, target, authorization }: Admitted,
  ): Refusal | null {
    const { device, port } = target;
    if (port === null) return refusals.noWebInterface(device.id);
    if (framingOf(request.rawHeaders) !== 'none') {
      // node:http has stopped reading: the body would be taken for the new protocol.
      return { status: 501, error: 'An upgrade with a body is not supported' };
    }
    this.#grant(identity, device, socket, () => socket.destroy());
    const agents = this.#agentsOf(device, port);
    const { limits } = this.#context;
    relayUpgrade({ request, socket, head, origin, agents, port, authorization, limits });
    return null;
  }

  #agentsOf(device: ConnectedDevice, port: number): DeviceAgents {
    let byPort = this.#agents.get(device);
    if (!byPort) {
      byPort = new Map();
      this.#agents.set(device, byPort);
    }
    let agents = byPort.get(port);
    if (!agents) {
      agents = new DeviceAgents(device.tunnel, port, this.#context.limits);
      byPort.set(port, agents);
    }
    return agents;
  }

  /** What a user was let into ends with the account, the session, and the sight of the device. */
  #grant(
    identity: Identity,
    { id }: ConnectedDevice,
    lasting: Duplex | ServerResponse,
    end: () => void,
  ): void {
    const context = this.#context;
    const release = context.access.add({ revoked: () => revokedReason(context, identity, id), end });
    lasting.once('close', release);
  }
}
