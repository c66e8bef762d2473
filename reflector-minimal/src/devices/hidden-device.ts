import { reservedLabels } from '../http/host-names.ts';
import type { Installation } from '../installation.ts';
import type { Store } from '../ports/store.ts';

/*
 * Two labels of the domain belong to the reflector itself. A `--cookie-host` below the domain looks like the host name of a
 * device and takes precedence, so nobody could reach a device with that name (or its port, `DEVICE-PORT`). Therefore such a
 * device must not exist: the reflector does not start beside it, it cannot be added, and it is refused when it connects.
 */

interface HostNames {
  readonly domain: string;
  readonly cookieHost: string | null;
}

/** The label that `cookieHost` takes from devices; `null` when it takes none. Both names in lower case. */
export function takenLabel({ domain, cookieHost }: HostNames): string | null {
  if (!cookieHost?.endsWith(`.${domain}`)) return null;
  const label = cookieHost.slice(0, -domain.length - 1);
  return label.includes('.') ? null : label;
}

/** Devices that a label may name: `<id>`, and `<id>-<port>`. */
function idsIn(label: string): string[] {
  const [, id] = /^(.+)-\d{1,5}$/.exec(label) ?? [];
  return id === undefined ? [label] : [label, id];
}

/** What takes the host name of the device with this id; `null`: nothing. `label`: see {@link takenLabel}. */
export function hiddenBy(id: string, label: string | null): string | null {
  if (reservedLabels.has(id)) return 'a name of the reflector itself';
  return label !== null && idsIn(label).includes(id) ? 'the --cookie-host of the reflector' : null;
}

/** `cookieHost` is the host name of a device. */
export class CookieHostTaken extends Error {
  override readonly name = 'CookieHostTaken';
}

/** Rejects with {@link CookieHostTaken}; otherwise the installation knows the label from now on. */
export async function takeCookieHost(
  store: Pick<Store, 'devices'>,
  installation: Pick<Installation, 'setTakenLabel'>,
  names: HostNames,
): Promise<void> {
  const label = takenLabel(names);
  // Unclaimed devices do not count: anybody may have made them up.
  for (const id of label === null ? [] : idsIn(label)) {
    if ((await store.devices.identity(id)) === null) continue;
    throw new CookieHostTaken(
      `"${names.cookieHost}": is a host name of the device ${id}; choose another name, or remove the device`,
    );
  }
  await installation.setTakenLabel(label);
}
