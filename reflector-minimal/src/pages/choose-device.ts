import { asciiLowerCase } from '../ascii-case.ts';
import { namedDevice } from '../devices/named-device.ts';
import { servicesOf } from '../devices/services.ts';
import { portSuffix } from '../http/host-names.ts';
import { changePath } from '../isolation/shared-host.ts';
import type { UserCall } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { PagesContext } from './context.ts';
import { type Result, redirect } from './exchange.ts';

/** On the reflector's own host. */
export const choosePath = '/my-devices/choose';

/** Takes the form of the page of devices, by which a user chooses the device that they see on the shared host. */
export async function chooseDevice(context: PagesContext, call: UserCall): Promise<Result> {
  const { audit, cookieHost, choices, presence, cache, rights } = context;
  const { origin } = call;
  const { user, session } = call.identity;
  if (cookieHost === null) return refusals.nothingHere;
  if (session?.kind !== 'own') return refusals.logIn;
  const form = await call.form();
  const label = asciiLowerCase(form.get('device') ?? '');
  const device = await namedDevice(cache, label);
  if (!device || !(await rights.deviceAccess(call.identity, device))) {
    const refusal = refusals.unknownDevice(label);
    const { address } = origin;
    const reason = refusal.error;
    audit.count({ event: 'device-session', allowed: false, user: user.name, by: 'session', address, reason });
    return refusal;
  }
  const choice = choices.choose(session, label);
  const online = presence.locate(device);
  const to = online ? servicesOf(online).httpPath : '/';
  const authority = `${cookieHost}${portSuffix(origin.authority)}`;
  const query = new URLSearchParams({ to, ...(choice !== null && { choice }) });
  return redirect(`${origin.protocol}://${authority}${changePath}?${query}`);
}
