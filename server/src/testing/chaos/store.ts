import {
  type Account,
  type Change,
  type DeviceIdentity,
  type DeviceKey,
  type SessionRecord,
  StoreUnavailable,
  type UserRecord,
} from 'rm-reflector/ports';
import type { SimulatedDatabase } from './database.ts';
import type { Machine } from './machine.ts';

export interface DeviceRow extends DeviceIdentity {
  readonly password: string;
}

/** Users, sessions and devices, with the feed of their changes. */
export class Records {
  readonly users = new Map<string, UserRecord>();
  readonly sessions = new Map<string, SessionRecord>();
  readonly devices = new Map<string, DeviceRow>();
  readonly changes: Change[] = [];
  /** Told of what has been taken away: a session, a user's domain, a device. */
  readonly #taken: (what: string) => void;

  constructor(taken: (what: string) => void) {
    this.#taken = taken;
  }

  taken(what: string): void {
    this.#taken(what);
  }

  changed(kind: Change['kind'], key: string): void {
    this.changes.push({ kind, key });
  }
}

/** The store of one node, as far as sessions, rights and what follows the feed use it. */
export function storeOf(records: Records, database: SimulatedDatabase, machine: Machine, outageMs: number) {
  const hints = new Set<(change?: Change) => void>();
  const ask = <Result>(work: () => Result): Promise<Result> => database.call(machine, work);
  /** The change counts here from before it is acknowledged, and also when nobody knows whether it was made. */
  const change = async <Result>(about: Change, work: () => Result): Promise<Result> => {
    const hint = () => {
      for (const told of hints) told(about);
    };
    try {
      const result = await ask(work);
      hint();
      return result;
    } catch (error) {
      if (error instanceof StoreUnavailable && error.code === 'UNKNOWN') hint();
      throw error;
    }
  };
  const hex = (hash: Buffer) => hash.toString('hex');
  return {
    outageMs,
    users: {
      get: (name: string): Promise<UserRecord | null> => ask(() => records.users.get(name) ?? null),
      revoke: (name: string, domain: string): Promise<boolean> =>
        change({ kind: 'user', key: name }, () => {
          const user = records.users.get(name);
          if (!user?.domains.includes(domain)) return false;
          records.users.set(name, { ...user, domains: user.domains.filter((one) => one !== domain) });
          records.changed('user', name);
          records.taken(`${name} ${domain}`);
          return true;
        }),
    },
    sessions: {
      get: (hash: Buffer): Promise<SessionRecord | null> =>
        ask(() => records.sessions.get(hex(hash)) ?? null),
      add: (session: SessionRecord, { name }: Account): Promise<boolean> =>
        ask(() => {
          if (!records.users.has(name)) return false;
          records.sessions.set(hex(session.hash), session);
          return true;
        }),
      remove: (hash: Buffer): Promise<boolean> =>
        change({ kind: 'session', key: hex(hash) }, () => {
          if (!records.sessions.delete(hex(hash))) return false;
          records.changed('session', hex(hash));
          records.taken(hex(hash));
          return true;
        }),
      removeExpired: async (): Promise<void> => {},
      touch: async (): Promise<void> => {},
    },
    devices: {
      identity: (id: string): Promise<DeviceIdentity | null> => ask(() => records.devices.get(id) ?? null),
      credentials: (id: string): Promise<DeviceRow | null> => ask(() => records.devices.get(id) ?? null),
      /** Another device gets the ID. */
      replace: (former: DeviceKey, device: DeviceRow): Promise<boolean> =>
        change({ kind: 'device', key: device.id }, () => {
          if (records.devices.get(former.id)?.uid !== former.uid) return false;
          records.devices.set(device.id, device);
          records.changed('device', device.id);
          records.taken(former.uid);
          return true;
        }),
    },
    changes: {
      position: (): Promise<number> => ask(() => records.changes.length),
      after: (position: number, limit: number) =>
        ask(() => {
          const changes = records.changes.slice(position, position + limit);
          return { changes, position: position + changes.length, complete: true };
        }),
      onHint: (hint: (change?: Change) => void) => {
        hints.add(hint);
        return () => hints.delete(hint);
      },
    },
  };
}
