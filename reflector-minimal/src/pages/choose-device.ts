import type { IncomingMessage, ServerResponse } from 'node:http';
import { asciiLowerCase } from '../ascii-case.ts';
import { namedDevice } from '../devices/named-device.ts';
import { servicesOf } from '../devices/services.ts';
import { readForm } from '../http/form.ts';
import { portSuffix } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import { changePath } from '../isolation/shared-host.ts';
import type { Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { seesDevice } from '../users/identity.ts';
import type { PagesContext } from './context.ts';

/** `choosePath`: takes the form of the page of devices. The request has been proven to come from there. */
export async function chooseDevice(
  context: PagesContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
  { user, session }: Identity,
): Promise<Refusal | { readonly location: string }> {
  const { audit, cookieHost, choices, presence } = context;
  if (cookieHost === null) return refusals.nothingHere;
  if (session?.kind !== 'own') return refusals.logIn;
  const form = await readForm(request, response, context);
  if ('status' in form) return form;
  const label = asciiLowerCase(form.get('device') ?? '');
  const device = await namedDevice(context.cache, label);
  if (!device || !seesDevice(user, device)) {
    const refusal = refusals.unknownDevice(label);
    const { address } = origin;
    const reason = refusal.error;
    audit.count({ event: 'device-session', allowed: false, user: user.name, by: 'session', address, reason });
    return refusal;
  }
  choices.choose(session, label);
  const online = presence.locate(device);
  const to = online ? servicesOf(online).httpPath : '/';
  const authority = `${cookieHost}${portSuffix(origin.authority)}`;
  return { location: `${origin.protocol}://${authority}${changePath}?${new URLSearchParams({ to })}` };
}
