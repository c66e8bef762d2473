import type { Limits } from '../limits.ts';
import { all, run, type Tables } from '../store/tables.ts';

/** The SSH host key by which a port of a device is known. */
export interface HostKey {
  readonly port: number;
  /** As in a file of OpenSSH: type and base64. */
  readonly key: string;
  /** Wall-clock ms. */
  readonly added: number;
  /** Name of the user. */
  readonly addedBy: string;
}

interface Row {
  port: number;
  key: string;
  added: number;
  added_by: string;
}

const select = 'SELECT port, key, added, added_by FROM fleet_host_keys WHERE number = ? ORDER BY port';

function hostKeyOf({ added_by: addedBy, ...row }: Row): HostKey {
  return { ...row, addedBy };
}

/** Host keys of devices, by the number of the device. */
export class HostKeys {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async of(device: number): Promise<HostKey[]> {
    return (await this.#tables.all<Row>(select, device)).map(hostKeyOf);
  }

  /**
   * Remembers a key, unless there is one for this port: that one stays. `null`: the device has as many as are kept, or as many of this
   * user. Gives the key that is remembered then.
   */
  remember(
    device: number,
    given: HostKey,
    { hostKeysPerDevice, hostKeysPerUser }: Pick<Limits, 'hostKeysPerDevice' | 'hostKeysPerUser'>,
  ): Promise<HostKey | null> {
    return this.#tables.transact(function* () {
      const known = (yield* all<Row>(select, device)).map(hostKeyOf);
      const same = known.find(({ port }) => port === given.port);
      if (same) return same;
      const own = known.filter(({ addedBy }) => addedBy === given.addedBy);
      if (known.length >= hostKeysPerDevice || own.length >= hostKeysPerUser) return null;
      yield* run(
        'INSERT INTO fleet_host_keys (number, port, key, added, added_by) VALUES (?, ?, ?, ?, ?)',
        device,
        given.port,
        given.key,
        given.added,
        given.addedBy,
      );
      return given;
    });
  }

  /** False: there was none. */
  async forget(device: number, port: number): Promise<boolean> {
    const sql = 'DELETE FROM fleet_host_keys WHERE number = ? AND port = ?';
    return (await this.#tables.run(sql, device, port)) > 0;
  }
}
