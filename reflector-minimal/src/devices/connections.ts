import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Cancellable, Clock, Terms } from 'rm-protocol';
import type { Audit } from '../audit/audit.ts';
import type { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import type { Presence } from '../ports/presence.ts';
import type { DeviceKey, Store } from '../ports/store.ts';
import type { DeferredWrites } from '../store/deferred-writes.ts';
import { DeviceTunnel } from '../tunnels/device-tunnel.ts';
import { type Draining, drained, goingAway } from '../tunnels/draining.ts';
import { HeldBytes } from '../tunnels/held-bytes.ts';
import type { ServerWebSocket } from '../websocket/server-web-socket.ts';
import type { ProvenDevice } from './authentication.ts';
import { ConnectedDevice } from './connected-device.ts';
import { DuplicateDetector } from './duplicates.ts';

/** Ends a tunnel once its device would not be let in any more (`access/revocation-watcher.ts`). */
export interface DeviceRevocation {
  readonly revision: number;
  add(access: {
    readonly holder: ProvenDevice & { readonly kind: 'device' };
    readonly since: number;
    end(reason: string): void;
    /** Called once it is certain that nothing has changed since, during the call or soon after; otherwise never. */
    confirmed(): void;
  }): () => void;
}

export interface ConnectionsOptions {
  readonly presence: Presence<ConnectedDevice>;
  readonly store: Pick<Store, 'devices'>;
  /** While it is active, no tunnel comes. */
  readonly draining: Pick<Draining, 'active' | 'askedSeconds'>;
  /** For what nobody waits for. */
  readonly deferred: DeferredWrites;
  readonly revocation: DeviceRevocation;
  readonly audit: Audit;
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Told of payload bytes that have passed through a tunnel. */
  readonly carried: (bytes: number) => void;
  /** Told when a device on line has said something else of itself. */
  readonly changed: (device: ConnectedDevice) => void;
}

/** A tunnel that a device has opened. */
export interface OpenedTunnel {
  readonly device: ProvenDevice;
  readonly webSocket: ServerWebSocket;
  readonly boundary: Boundary;
  /** The socket under `webSocket`. */
  readonly socket: Duplex;
  readonly generation: number;
  readonly address: string;
  /** Its `User-Agent`. */
  readonly agent: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly terms: Terms;
  /** As {@link ConnectedDevice.visitorKey}. */
  readonly visitorKey: string | undefined;
  /** {@link DeviceRevocation.revision} from before the device was let in. */
  readonly since: number;
}

/** Keeps presence and store in step with the tunnels of this process. */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** Bytes that all tunnels hold. */
  readonly #held: HeldBytes;
  readonly #duplicates = new DuplicateDetector();
  /** Shares of traffic that were counted. */
  #shares = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#held = new HeldBytes(options.limits.heldBytes);
  }

  /** The new tunnel of a device that has one takes its place. */
  isFullFor(device: DeviceKey): boolean {
    const { presence, limits } = this.#options;
    return presence.local.size >= limits.tunnels && presence.local.get(device.id)?.uid !== device.uid;
  }

  add(opened: OpenedTunnel): void {
    const { limits, store, deferred, presence, draining, revocation, audit, carried, changed } =
      this.#options;
    const { device: proven, generation, address, agent, properties, terms, since, visitorKey } = opened;
    // The fingerprint is 32 bytes, but of a block of 8 KiB (`Buffer.poolSize`), which would last as long as the tunnel.
    const record = { ...proven.device, fingerprint: null };
    const clock = opened.boundary.clock(this.#options.clock);
    const { id } = record;
    // One logger for each tunnel would cost memory for as long as it is idle.
    const { log } = this.#options;
    const whose = { device: id, address };
    const decision = { event: 'device-tunnel', allowed: true, ...whose };
    const openedAt = clock.now();
    let release = () => {};
    let over = false;
    let saving: Cancellable | null = null;
    const saveProperties = () => {
      saving?.cancel();
      saving = null;
      if (presence.local.get(id) !== device) return;
      const { properties } = device;
      deferred.write(`properties ${record.uid}`, () => store.devices.setProperties(record, properties));
    };
    const tunnel = new DeviceTunnel({
      webSocket: opened.webSocket,
      socket: opened.socket,
      terms,
      limits,
      clock,
      held: this.#held,
      events: {
        properties: (changes) => {
          if (!device.update(changes)) {
            log.warn(whose, 'properties update beyond the bound');
            return;
          }
          saving ??= clock.schedule(limits.propertiesSaveMs, saveProperties);
          if (presence.local.get(id) === device) changed(device);
        },
        carried,
        ended: (end) => {
          over = true;
          release();
          if (saving) saveProperties();
          this.saveTraffic(device);
          // The end of a tunnel that was replaced says nothing about its successor.
          if (presence.withdraw(device)) {
            const now = clock.date();
            deferred.write(`disconnected ${record.uid}`, () =>
              store.devices.noteDisconnected(record, now, end, generation),
            );
          }
          const { reason } = end;
          const { bytesFrom, bytesTo } = tunnel;
          const ms = Math.round(clock.now() - openedAt);
          audit.record({ ...decision, event: 'device-tunnel-end', reason, bytesFrom, bytesTo, ms });
          log.info({ ...whose, reason, bytesFrom, bytesTo }, 'tunnel ended');
        },
        aliveThoughReplaced: () => this.#noteAlive(record, address),
        misbehaved: (what) => log.debug({ ...whose, what }, 'device misbehaved'),
        failed: (error) => log.error({ ...whose, err: error }, 'channel failed'),
      },
    });
    const device = new ConnectedDevice(record, generation, tunnel, address, properties, limits, visitorKey);
    audit.record(decision);
    log.info({ ...whose, agent, ...terms }, 'tunnel open');
    release = revocation.add({
      holder: { kind: 'device', device: record, certificate: proven.certificate },
      since,
      end: (reason) => tunnel.close(1008, { cause: 'refused', reason }),
      // What was removed while it came must not take the place of the device that has its id now.
      confirmed: () => {
        if (over) return;
        // It came in before, and would be left behind.
        if (draining.active) return tunnel.close(goingAway, drained);
        if (!presence.announce(device)) return;
        const now = clock.date();
        deferred.write(`connected ${record.uid}`, () =>
          store.devices.noteConnected(record, now, { address, agent, properties, generation }),
        );
      },
    });
    // It may have ended during the call, when there was nothing to release yet.
    if (over) release();
  }

  /** Adds what the devices have sent and received since the last time to their counters in the store. */
  saveAllTraffic(): void {
    for (const device of this.#options.presence.local.values()) this.saveTraffic(device);
  }

  saveTraffic(device: ConnectedDevice): void {
    const { store, deferred } = this.#options;
    const { bytesFrom, bytesTo } = device.takeTraffic();
    if (bytesFrom + bytesTo === 0) return;
    // Each is a share of its own: none may take the place of one that waits.
    deferred.write(`traffic ${device.uid} ${this.#shares++}`, () =>
      store.devices.addTraffic(device, bytesFrom, bytesTo),
    );
  }

  #noteAlive(device: DeviceKey, address: string): void {
    const { clock, log, store, deferred } = this.#options;
    if (!this.#duplicates.alive(device.uid, clock.now())) return;
    const now = clock.date();
    deferred.write(`duplicate ${device.uid}`, () => store.devices.noteDuplicate(device, now));
    log.warn({ device: device.id, address }, 'two devices with this identity evict each other');
  }
}
