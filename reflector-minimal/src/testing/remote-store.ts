import { type Store, StoreUnavailable } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { settled } from './settled.ts';

/**
 * Data that is reached as that of a server far away: every call takes turns of the event loop, both until it is carried out
 * and until its answer is there, and everything else that can happen happens meanwhile.
 */
export class RemoteData {
  readonly #data = SqliteStore.open(':memory:');
  /** Further turns before each call. */
  #delay: Promise<void> = Promise.resolve();
  #reachable = true;

  /** A connection to it. Closing one closes no other. */
  open(): Store {
    const { users, devices, sessions, settings, audit, changes } = this.#data;
    let open = true;
    const stops = new Set<() => void>();
    const part = <Part extends object>(target: Part): Part =>
      new Proxy(target, {
        get: (_target, name) => {
          const call: unknown = Reflect.get(target, name);
          if (typeof call !== 'function') return call;
          if (name === 'onHint') return hinting;
          return async (...values: unknown[]) => {
            await this.#travel();
            if (!open || !this.#reachable) throw new StoreUnavailable('ECONNRESET', 'the connection is lost');
            const answer: unknown = await Reflect.apply(call, target, values);
            await settled();
            return answer;
          };
        },
      });
    const hinting: Store['changes']['onHint'] = (hint) => {
      const stop = changes.onHint(hint);
      stops.add(stop);
      return stop;
    };
    return {
      users: part<Store['users']>(users),
      devices: part<Store['devices']>(devices),
      sessions: part<Store['sessions']>(sessions),
      settings: part<Store['settings']>(settings),
      audit: part<Store['audit']>(audit),
      changes: part<Store['changes']>(changes),
      check: async () => {
        await this.#travel();
        if (!this.#reachable) throw new StoreUnavailable('ECONNRESET', 'the connection is lost');
      },
      close: async () => {
        await settled();
        open = false;
        for (const stop of stops) stop();
      },
    };
  }

  /** Calls wait until the returned function is called. */
  hold(): () => void {
    let release = () => {};
    this.#delay = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  /** Calls fail until the returned function is called. */
  disconnect(): () => void {
    this.#reachable = false;
    return () => {
      this.#reachable = true;
    };
  }

  async #travel(): Promise<void> {
    await settled();
    await this.#delay;
  }
}
