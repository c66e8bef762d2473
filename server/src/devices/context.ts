import { Installation, normalizeDeviceId } from 'rm-reflector';
import { StoreUnavailable, type TunnelEnd } from 'rm-reflector/ports';
import type { Caller } from '../api/endpoint.ts';
import { fieldProblem, notFound, Problem } from '../api/problem.ts';
import type { Core } from '../part.ts';
import type { Permission, Target } from '../rights/permission.ts';
import type { Work } from '../store/tables.ts';
import { DeviceHistory } from './device-history.ts';
import { Domains } from './domains.ts';
import { type FleetDevice, FleetDevices } from './fleet-devices.ts';

/** What the endpoints of devices and domains share. */
export interface DevicesContext {
  readonly core: Core;
  readonly devices: FleetDevices;
  readonly history: DeviceHistory;
  readonly domains: Domains;
  readonly installation: Installation;
}

export function devicesContext(core: Core): DevicesContext {
  const { database, store } = core;
  return {
    core,
    devices: new FleetDevices(database),
    history: new DeviceHistory(database),
    domains: new Domains(database),
    installation: new Installation(store),
  };
}

/** A device as the target of a permission. */
export function targetOf({ id, uid, domain }: Pick<FleetDevice, 'id' | 'uid' | 'domain'>): Target {
  return { kind: 'device', device: { id, uid, domain } };
}

export function domainTarget(domain: string): Target {
  return { kind: 'domain', domain };
}

/**
 * The device of a path that this caller may read, and for which the permission is held. Rejects with a `Problem`: what the caller does
 * not see does not exist (404).
 */
export async function deviceFor(
  { devices }: DevicesContext,
  caller: Caller,
  text: string,
  permission: Permission = 'devices.read',
): Promise<FleetDevice> {
  const id = normalizeDeviceId(text);
  return permitted(id === null ? null : await devices.get(id), caller, text, permission);
}

/** The same within a transaction: the device is as it is until the end of that. */
export function* heldDeviceFor(
  { devices }: DevicesContext,
  caller: Caller,
  text: string,
  permission: Permission,
): Work<FleetDevice> {
  const id = normalizeDeviceId(text);
  return permitted(id === null ? null : yield* devices.held(id), caller, text, permission);
}

function permitted(
  device: FleetDevice | null,
  caller: Caller,
  text: string,
  permission: Permission,
): FleetDevice {
  if (!device || !caller.may('devices.read', targetOf(device))) throw noDevice(text);
  caller.require(permission, targetOf(device));
  return device;
}

/** Whether this caller may know what other users have done with a device. */
export function seesUsersOf(caller: Caller, device: FleetDevice): boolean {
  const target = targetOf(device);
  return caller.may('audit.read', target) || caller.may('devices.write', target);
}

/** Wall-clock ms from which on this caller may know what was noted of a device: its former domain's past is not for everybody. */
export function knownSince(caller: Caller, device: FleetDevice): number {
  return caller.extent('audit.read') === null ? device.created : device.since;
}

function noDevice(text: string): Problem {
  const { status, title, details } = notFound(`device ${text}`);
  // Programs of the reflector look for these words.
  const said = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
  return new Problem(status, title, { ...details, headers: { 'X-PTTH-Error': `no device "${said}"` } });
}

/** The domain that new devices of this caller are in unless one is named; `null`: there is none. */
export async function defaultDomain(
  { installation }: DevicesContext,
  caller: Caller,
  permission: Permission,
): Promise<string | null> {
  const extent = caller.extent(permission);
  if (extent === null) return installation.domain();
  return [...extent.domains].sort()[0] ?? null;
}

/** The domain of a new device. Throws a `Problem` unless it exists and the caller may add devices to it. */
export async function domainForNew(
  context: DevicesContext,
  caller: Caller,
  named: string | undefined,
): Promise<string> {
  const domain = named ?? (await defaultDomain(context, caller, 'devices.create'));
  if (domain === null) throw fieldProblem('/domain', 'is missing: you have no domain of your own');
  if (named !== undefined) await context.core.database.transact(() => checkDomain(context, caller, named));
  return domain;
}

/** Throws a `Problem` unless the domain exists and the caller may add devices to it. */
export function* checkDomain({ domains }: DevicesContext, caller: Caller, domain: string): Work<void> {
  const isSeen =
    caller.may('domains.read', domainTarget(domain)) || caller.may('devices.create', domainTarget(domain));
  if (!isSeen || !(yield* domains.exists(domain))) {
    throw fieldProblem('/domain', `${domain}: there is no such domain, or you may not see it`);
  }
  caller.require('devices.create', domainTarget(domain));
}

/**
 * Ends the tunnel of a device, or asks the node to where it is; false: it has none. The agent comes back if it is let in. `untilEnded`:
 * resolves once the tunnel has ended at that node, or rejects with `EndUnconfirmed`.
 */
export async function disconnect(
  { core }: DevicesContext,
  device: Pick<FleetDevice, 'id' | 'uid'>,
  end: TunnelEnd,
  options: { readonly untilEnded?: boolean } = {},
): Promise<boolean> {
  const { presence } = core;
  const connected = presence.local.get(device.id);
  if (connected?.uid !== device.uid) return (await presence.disconnect?.(device, end, options)) ?? false;
  connected.tunnel.close(1000, end);
  return true;
}

/** The same after a change that is made: it was done, whether another node can be asked or not. */
export async function disconnectAfterChange(
  ...[context, device, end]: Parameters<typeof disconnect>
): Promise<void> {
  try {
    await disconnect(context, device, end);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}
