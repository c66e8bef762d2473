import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Traffic } from '../../audit/audit.ts';
import type { Context } from '../../context.ts';
import { DevicePort } from '../../device-http/device-port.ts';
import { serviceSettingsOf } from '../../devices/service-settings.ts';
import { servicesOf } from '../../devices/services.ts';
import { breakOff, cutResponse } from '../../http/break-off.ts';
import type { Origin } from '../../http/origin.ts';
import type { Refusal } from '../../http/refusal.ts';
import type { OnlineDevice } from '../../ports/presence.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { credentialOf, type Identity } from '../../users/identity.ts';
import type { Admitted } from '../admission.ts';
import type { DeviceSite } from './device-links.ts';
import { DeviceRequest } from './device-request.ts';
import { DeviceUpgrade } from './device-upgrade.ts';
import type { DeviceExchange } from './exchange.ts';
import { SettingHints } from './setting-hints.ts';

/** Carries what has been admitted to the web interface of a device, for as long as what let it in stands. */
export class DeviceRelay {
  readonly #context: Context;
  readonly #ports = new WeakMap<OnlineDevice, Map<number, DevicePort>>();
  readonly #hints: SettingHints;

  constructor(context: Context) {
    this.#context = context;
    this.#hints = new SettingHints(context.log, context.limits);
  }

  /** The request under way, or why it is not taken. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    admitted: Admitted,
  ): DeviceRequest | Refusal {
    const exchange = this.#begin('request', request, origin, admitted, response);
    if ('error' in exchange) return exchange;
    const relay = new DeviceRequest({ ...exchange, response });
    if (!response.destroyed) relay.start();
    return relay;
  }

  /** Gives why it is not taken, if so. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    origin: Origin,
    admitted: Admitted,
  ): Refusal | null {
    const exchange = this.#begin('upgrade', request, origin, admitted, socket);
    if ('error' in exchange) return exchange;
    const { clock, readAhead } = this.#context;
    if (!socket.destroyed) new DeviceUpgrade({ ...exchange, socket, head, clock, readAhead }).start();
    return null;
  }

  /** From here on it is in the audit log, and ends with what let it in; which may be at once. */
  #begin(
    event: string,
    request: IncomingMessage,
    origin: Origin,
    { identity, target, since, authorization, shared }: Admitted,
    lasting: Duplex | ServerResponse,
  ): Omit<DeviceExchange, 'response'> | Refusal {
    const { device, port } = target;
    if (port === null) return refusals.noWebInterface(device.id);
    const traffic = this.#audit(event, origin, identity, device, port, lasting);
    this.#grant(identity, device, since, lasting);
    return {
      request,
      origin,
      devicePort: this.#portOf(device, port),
      port,
      settings: serviceSettingsOf(device, port),
      answered: (status) => this.#answered(device, port, status, request),
      site: this.#site(device, port, origin, shared),
      user: identity.user.uid,
      authorization,
      shared,
      traffic,
      limits: this.#context.limits,
      failed: (error) => this.#failed(error, device, port),
    };
  }

  #portOf(device: OnlineDevice, port: number): DevicePort {
    let byPort = this.#ports.get(device);
    if (!byPort) {
      byPort = new Map();
      this.#ports.set(device, byPort);
    }
    let devicePort = byPort.get(port);
    if (!devicePort) {
      devicePort = new DevicePort(device, port, this.#context.limits, this.#context.clock);
      byPort.set(port, devicePort);
    }
    return devicePort;
  }

  #failed(error: unknown, { id }: OnlineDevice, port: number): void {
    this.#context.log.error({ err: error, device: id, port }, 'exchange failed');
  }

  #answered(device: OnlineDevice, port: number, status: number, request: IncomingMessage): void {
    const settings = serviceSettingsOf(device, port);
    this.#hints.answered({ device: device.id, port, status, origin: request.headers.origin, settings });
  }

  #site(device: OnlineDevice, port: number, origin: Origin, shared: boolean): DeviceSite {
    const { ports, httpPort } = servicesOf(device);
    const settingsOf = (other: number) => serviceSettingsOf(device, other);
    const { domain } = this.#context;
    return { id: device.id, domain, port, ports, httpPort, settingsOf, origin, shared };
  }

  #audit(
    event: string,
    { address }: Origin,
    identity: Identity,
    device: OnlineDevice,
    port: number,
    lasting: Duplex | ServerResponse,
  ): Traffic {
    const traffic = { bytesFrom: 0, bytesTo: 0 };
    const by = credentialOf(identity);
    const record = { event, allowed: true, user: identity.user.name, by, address, device: device.id, port };
    const carried = this.#context.audit.count(record);
    lasting.once('close', () => carried(traffic));
    return traffic;
  }

  /** What a user was let into ends with the account, the session, and the sight of the device: perhaps at once. */
  #grant(identity: Identity, device: OnlineDevice, since: number, lasting: Duplex | ServerResponse): void {
    const holder = { kind: 'user', identity, device } as const;
    const end = () => (lasting instanceof ServerResponse ? cutResponse(lasting) : breakOff(lasting));
    const release = this.#context.revocation.add({ holder, since, end });
    lasting.once('close', release);
  }
}
