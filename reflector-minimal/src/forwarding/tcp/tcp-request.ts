import type { Holder } from '../../access/standing.ts';
import type { Traffic } from '../../audit/audit.ts';
import type { Refusal } from '../../http/refusal.ts';
import type { AuditRecord } from '../../ports/events.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { StoreUnavailable } from '../../ports/store.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { refusalFor } from '../../refusals/of-failure.ts';
import { type OpenedPort, openedPort, portRefusal } from '../../rights/opened-port.ts';
import type { Asker } from './asker.ts';
import type { TcpContext, TcpTarget } from './target.ts';

/**
 * The request of a user who was let in to a device for a TCP connection to one of its ports. What comes of it is in the
 * audit log.
 */
export class TcpRequest {
  readonly #context: TcpContext;
  readonly #asker: Asker;
  readonly #target: TcpTarget;
  readonly #decision: Omit<AuditRecord, 'allowed'>;
  readonly #opened: OpenedPort;
  #channel: DeviceChannel | null = null;
  #refused = false;

  /** `port`: `null` if the request, which is to be refused, names none. */
  constructor(context: TcpContext, asker: Asker, target: TcpTarget, port: number | null) {
    this.#context = context;
    this.#asker = asker;
    this.#target = target;
    const { identity, device, address } = target;
    this.#opened = openedPort(device, port ?? 0);
    this.#decision = {
      event: 'client-tunnel',
      user: identity.user.name,
      by: identity.by,
      address,
      device: device.id,
      port: port ?? undefined,
    };
  }

  refuse(refusal: Refusal): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#channel?.destroy();
    this.#context.audit.count({ ...this.#decision, allowed: false, reason: refusal.error });
    this.#asker.refuse(refusal);
  }

  /**
   * Opens the connection if the user may open this port, and calls `opened` when it is there and the user would still be let in: `since` is the
   * `RevocationWatcher.revision` of that. Otherwise it refuses. If the user goes away first, the channel ends.
   */
  open(port: number, opened: (channel: DeviceChannel, since: number) => void): Promise<void> {
    const refusal = portRefusal(this.#target.access, this.#opened);
    if (refusal) {
      this.refuse(refusal);
      return Promise.resolve();
    }
    return this.#admit(this.#target.since, (since) => {
      let channel: DeviceChannel;
      try {
        channel = this.#target.device.open(port, this.#target.identity.user.uid);
      } catch (error) {
        this.refuse(refusalFor(error, port));
        return;
      }
      this.#channel = channel;
      const fail = (error: Error) => this.refuse(refusalFor(error, port));
      const waited = this.#asker.watch(() => channel.destroy());
      channel.once('error', fail);
      const begin = (now: number) => {
        if (channel.destroyed) return;
        waited();
        channel.off('error', fail);
        opened(channel, now);
      };
      channel.once('open', () => {
        this.#admit(since, begin).catch((error) => this.#asker.failed(error));
      });
    });
  }

  /** From now on it carries bytes, and `end` is called when the user loses access. Returns what to call once it is over. */
  begin(traffic: Traffic, since: number, end: () => void): () => void {
    const { audit, clock, revocation } = this.#context;
    const began = clock.now();
    audit.record({ ...this.#decision, allowed: true });
    const release = revocation.add({ holder: this.#holder, since, end });
    return () => {
      release();
      const ms = Math.round(clock.now() - began);
      audit.record({ ...this.#decision, event: 'client-tunnel-end', allowed: true, ...traffic, ms });
    };
  }

  get #holder(): Holder {
    const { identity, device } = this.#target;
    return { kind: 'user', identity, device, opened: this.#opened };
  }

  async #admit(since: number, begin: (since: number) => void): Promise<void> {
    try {
      if (await this.#context.revocation.admit(this.#holder, since, begin)) return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.refuse(refusals.storeUnavailable);
      return;
    }
    this.refuse(this.#asker.withdrawn);
  }
}
