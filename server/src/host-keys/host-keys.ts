import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';

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

/** Host keys of devices, by the number of the device. */
export class HostKeys {
  readonly #database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.#database = database;
  }

  of(device: number): HostKey[] {
    return this.#database
      .prepare<Row>('SELECT port, key, added, added_by FROM fleet_host_keys WHERE number = ? ORDER BY port')
      .all(device)
      .map(({ added_by: addedBy, ...row }) => ({ ...row, addedBy }));
  }

  /**
   * Remembers a key, unless there is one for this port: that one stays. `null`: the device has as many as are kept, or as many of this
   * user. Gives the key that is remembered then.
   */
  remember(
    device: number,
    given: HostKey,
    { hostKeysPerDevice, hostKeysPerUser }: Pick<Limits, 'hostKeysPerDevice' | 'hostKeysPerUser'>,
  ): HostKey | null {
    return this.#database.transaction(() => {
      const known = this.of(device);
      const same = known.find(({ port }) => port === given.port);
      if (same) return same;
      const own = known.filter(({ addedBy }) => addedBy === given.addedBy);
      if (known.length >= hostKeysPerDevice || own.length >= hostKeysPerUser) return null;
      this.#database
        .prepare('INSERT INTO fleet_host_keys (number, port, key, added, added_by) VALUES (?, ?, ?, ?, ?)')
        .run(device, given.port, given.key, given.added, given.addedBy);
      return given;
    });
  }

  /** False: there was none. */
  forget(device: number, port: number): boolean {
    const { changes } = this.#database
      .prepare('DELETE FROM fleet_host_keys WHERE number = ? AND port = ?')
      .run(device, port);
    return changes > 0;
  }
}
