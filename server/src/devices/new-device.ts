import { hiddenBy } from 'rm-reflector';
import type { Caller } from '../api/endpoint.ts';
import { fieldProblem } from '../api/problem.ts';
import { type DevicesContext, domainTarget } from './context.ts';
import { type NewSecret, newSecret, type Proof } from './device-secret.ts';
import type { DeviceChanges } from './fleet-devices.ts';
import { addWithinQuota } from './quota-guard.ts';

/** Adds a device, and returns its secret. The caller may do so in this domain. Throws a `Problem`. */
export async function addDevice(
  context: DevicesContext,
  caller: Pick<Caller, 'name' | 'now'>,
  { id, domain }: { readonly id: string; readonly domain: string },
  proof: Proof,
  described: DeviceChanges = {},
): Promise<NewSecret> {
  const { core, devices, installation } = context;
  const hidden = hiddenBy(id, await installation.takenLabel());
  if (hidden !== null) throw fieldProblem('/id', `its host name is ${hidden}`);
  const secret = await newSecret(context, { id, domain }, proof);
  (await caller.now()).require('devices.create', domainTarget(domain));
  const device = { id, domain, secrets: secret.secrets };
  await addWithinQuota(core, device, core.clock.date(), secret.certificatesSince);
  const uid = (await core.store.devices.identity(id))?.uid ?? '';
  await core.database.transact(function* () {
    yield* devices.change({ uid }, described);
    yield* devices.setCreator(uid, caller.name);
  });
  await secret.keep();
  return secret;
}
