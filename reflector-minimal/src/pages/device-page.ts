import type { Refusal } from '../http/refusal.ts';
import type { Limits } from '../limits.ts';
import type { Identity } from '../ports/identity.ts';
import type { Form } from '../ports/routes.ts';
import type { DeviceRecord } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { PagesContext } from './context.ts';

/** Which part of the list of devices is asked for. */
export interface DevicePage {
  /** The id that the part before ended with; empty for the first part. */
  readonly after: string;
  /** 1 to `limits.devicesPerPage`. */
  readonly limit: number;
}

/** The page that a query asks for by `after` and `limit`, or what is wrong with it. */
export function readDevicePage(
  query: Form,
  { devicesPerPage }: Pick<Limits, 'devicesPerPage'>,
): DevicePage | Refusal {
  const text = query.get('limit') ?? String(devicesPerPage);
  const limit = /^\d{1,9}$/.test(text) ? Math.min(Number(text), devicesPerPage) : 0;
  if (limit < 1) return refusals.badRequest('limit must be a whole number, at least 1');
  return { after: query.get('after') ?? '', limit };
}

/** The devices that this user sees, and the ID after which the next page begins; `null` on the last page. */
export async function pageOfDevices(
  { store, rights }: Pick<PagesContext, 'store' | 'rights'>,
  identity: Identity,
  { after, limit }: DevicePage,
): Promise<{ readonly devices: readonly DeviceRecord[]; readonly next: string | null }> {
  // One more than is shown says whether there are more.
  const filter = { ...(await rights.sight(identity)), claimed: true };
  const found = await store.devices.page(filter, after, limit + 1);
  const devices = found.slice(0, limit);
  return { devices, next: found.length > limit ? (devices.at(-1)?.id ?? null) : null };
}
