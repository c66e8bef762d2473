import type { DeviceCall } from './device-call.ts';

/** Calls without a connection: users come in turn, the calls of each in their order. */
export class WaitingCalls {
  readonly #byOwner = new Map<string, DeviceCall[]>();

  get isEmpty(): boolean {
    return this.#byOwner.size === 0;
  }

  add(call: DeviceCall): void {
    const { owner } = call.message;
    const calls = this.#byOwner.get(owner);
    if (calls) calls.push(call);
    else this.#byOwner.set(owner, [call]);
  }

  remove(call: DeviceCall): void {
    const { owner } = call.message;
    const calls = this.#byOwner.get(owner);
    const at = calls?.indexOf(call) ?? -1;
    if (!calls || at < 0) return;
    calls.splice(at, 1);
    if (calls.length === 0) this.#byOwner.delete(owner);
  }

  /** Offers the first call of each user in turn to `place`, until all that are left have to wait. */
  serve(place: (call: DeviceCall) => boolean): void {
    for (let again = true; again; ) {
      again = false;
      for (const owner of [...this.#byOwner.keys()]) {
        const call = this.#byOwner.get(owner)?.[0];
        if (!call) continue;
        if (!place(call)) continue;
        again = true;
        this.remove(call);
        // The next one of this user comes after all others.
        const left = this.#byOwner.get(owner);
        if (!left) continue;
        this.#byOwner.delete(owner);
        this.#byOwner.set(owner, left);
      }
    }
  }
}
