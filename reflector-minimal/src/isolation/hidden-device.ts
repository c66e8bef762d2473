import type { Store } from '../store/store.ts';

/*
 * A `--cookie-host` below the domain has the form of a device's host name, and comes before it: the device of that name
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

/** Whether a device has to do without a host of its own where this label is taken. */
export function isHidden(id: string, label: string | null): boolean {
  return label !== null && idsIn(label).includes(id);
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
