import { reservedLabels } from '../http/host-names.ts';
import type { Store } from '../store/store.ts';

/*
 * Two labels of the domain are the reflector's own. A `--cookie-host` below the domain has the form of a device's host name, and comes before it: the device of that name
 * (or its port, `DEVICE-PORT`) would have no host of its own, and nobody would be told. So there is to be no such device:
 * the reflector does not start beside it, it cannot be added, and is refused if it comes.
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

/**
 * What has the host name of a device of this id in its place, where `label` is taken by the `--cookie-host`; `null`: nothing,
 * and users can reach it.
 */
export function hiddenBy(id: string, label: string | null): string | null {
  if (reservedLabels.has(id)) return 'a name of the reflector itself';
  return label !== null && idsIn(label).includes(id) ? 'the --cookie-host of the reflector' : null;
}

/** `cookieHost` is the host name of a device. */
export class CookieHostTaken extends Error {
  override readonly name = 'CookieHostTaken';
}

/** Throws {@link CookieHostTaken}; otherwise the store knows the label from now on. */
export function takeCookieHost(store: Store, names: HostNames): void {
  const label = takenLabel(names);
  // What waits for being claimed anybody may have invented.
  const hidden = label === null ? undefined : idsIn(label).find((id) => store.devices.identity(id) !== null);
  if (hidden !== undefined) {
    throw new CookieHostTaken(
      `"${names.cookieHost}": is a host name of the device ${hidden}; choose another name, or remove the device`,
    );
  }
  store.setTakenLabel(label);
}
