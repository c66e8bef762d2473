import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { ChannelError, ChannelFailure } from '../ports/channel-failure.ts';
import type { DeviceChannel } from '../ports/presence.ts';
import { ClosedEarly } from './call-failure.ts';
import { type CallEvents, type CallPlace, DeviceCall } from './device-call.ts';
import { type ConnectionEvents, DeviceConnection } from './device-connection.ts';
import type { DeviceMessage } from './device-message.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** What is needed of a tunnel. */
export interface ChannelSource {
  /** Throws when there is no channel to be had. */
  open(port: number, user: string): DeviceChannel;
}

/** What the device says of the service behind a port. */
export interface PortSettings {
  /** Connections that it takes at once; `null`: unknown. */
  readonly connections: number | null;
  /** Time without progress until its answer must have begun; `null`: as for all. */
  readonly responseTimeoutMs: number | null;
}

/**
 * The connections to one port of a device, and the requests that wait for one.
 *
 * - A connection carries requests of one user. One that the device authenticates by itself (NTLM, Negotiate) carries
 *   those of one connection of that user.
 * - Many small devices take one connection, or two. So an idle one is closed, whoever had it, before more are opened
 *   than the device has been seen to serve at once; and what it refuses is tried again when others have closed.
 * - A request that may not be sent twice gets a new connection: on an idle one it could be lost without a trace. Where
 *   there are few, one that has just served is as good.
 */
export class DevicePort implements CallPlace, ConnectionEvents {
  readonly clock: Clock;
  readonly #source: ChannelSource;
  readonly #port: number;
  readonly #limits: Limits;
  readonly #connections = new Set<DeviceConnection>();
  readonly #waiting = new WaitingCalls();
  #settings: PortSettings = { connections: null, responseTimeoutMs: null };
  /** Connections that were served at once. */
  #proven = 0;
  /** Connections beside which another was refused; until when that counts, and when one more may be tried. */
  #learned: { readonly connections: number; readonly until: number; triedAt: number } | null = null;
  #idleTimer = false;
  #retryTimer = false;
  #pumping = false;
  #pumpAgain = false;

  constructor(source: ChannelSource, port: number, limits: Limits, clock: Clock) {
    this.#source = source;
    this.#port = port;
    this.#limits = limits;
    this.clock = clock;
  }

  /** A request that goes out when it is started. */
  call(message: DeviceMessage, settings: PortSettings, events: CallEvents): DeviceCall {
    this.#settings = settings;
    const { responseMs, earlyRefusalMs } = this.#limits;
    const times = { responseMs: settings.responseTimeoutMs ?? responseMs, earlyRefusalMs };
    return new DeviceCall(this, message, times, events);
  }

  // --- calls ---

  enqueue(call: DeviceCall): void {
    this.#waiting.add(call);
    this.#pump();
  }

  forget(call: DeviceCall): void {
    this.#waiting.remove(call);
  }

  /** Gives connections to as many calls as can have one, the users in turn. */
  #pump(): void {
    if (this.#waiting.isEmpty) return;
    if (this.#pumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#pumping = true;
    do {
      this.#pumpAgain = false;
      const places = { wanted: 0 };
      this.#waiting.serve((call) => {
        try {
          return this.#place(call, places);
        } catch (error) {
          // Its own affair: the others are still to get connections.
          call.spoil(error);
          return true;
        }
      });
    } while (this.#pumpAgain);
    this.#pumping = false;
  }

  /** False when the call has to wait. */
  #place(call: DeviceCall, places: { wanted: number }): boolean {
    const idle = this.#idleFor(call);
    if (idle) {
      idle.carry(call);
      return true;
    }
    const { bound, perUser, share, shared } = this.#bounds();
    const learned = this.#learned?.connections ?? Number.POSITIVE_INFINITY;
    const known = this.#settings.connections !== null || this.#learned !== null;
    let counted = 0;
    let own = 0;
    let streams = 0;
    let leaving = 0;
    let idles = 0;
    for (const { phase, owner, streams: isStream } of this.#connections) {
      // What speaks another protocol counts where the device is known to count.
      if (phase === 'detached' && !known) continue;
      counted++;
      if (owner === call.message.owner && phase !== 'detached') {
        if (isStream && phase === 'busy') streams++;
        else own++;
      }
      if (phase === 'closing') leaving++;
      else if (phase === 'idle') idles++;
    }
    const mine = own + streams;
    const active = counted - leaving - idles;
    const allowed = own < perUser && mine < share && (mine === 0 || active < shared);
    if (counted < bound && allowed && (counted < this.#proven || leaving + idles === 0)) {
      if (counted < learned || this.#mayTryOneMore()) return this.#open(call);
    }
    const served = known ? this.#justServedFor(call) : null;
    if (served) {
      served.carry(call);
      return true;
    }
    // One place for each that waits.
    places.wanted++;
    if (leaving < places.wanted) this.#closeIdle(allowed ? null : call.message.owner);
    for (const connection of this.#connections) if (connection.phase === 'closing') this.#hurry(connection);
    return false;
  }

  /** `share`: of one user, streams included; `shared`: what users can have together, beside a first one each. */
  #bounds(): { bound: number; perUser: number; share: number; shared: number } {
    const { httpConnectionsPerPort, httpConnectionsPerUser } = this.#limits;
    if (this.#learned && this.#learned.until <= this.clock.now()) this.#learned = null;
    const said = this.#settings.connections;
    // Where there are several, one is left for others; where it is unknown how many, half of them.
    if (said !== null) {
      const share = said > 3 ? said - 1 : said;
      return { bound: said, perUser: share, share, shared: said };
    }
    const share = Math.max(httpConnectionsPerUser, httpConnectionsPerPort >> 1);
    const bound = httpConnectionsPerPort;
    return { bound, perUser: httpConnectionsPerUser, share, shared: bound - (bound >> 2) };
  }

  /** What was refused once may be taken later: others do not wait for good for a connection that never ends. */
  #mayTryOneMore(): boolean {
    const learned = this.#learned;
    const now = this.clock.now();
    if (!learned) return true;
    const left = learned.triedAt + this.#limits.idleCloseMs - now;
    if (left <= 0) {
      learned.triedAt = now;
      return true;
    }
    if (!this.#retryTimer) {
      this.#retryTimer = true;
      this.clock.schedule(left, () => {
        this.#retryTimer = false;
        this.#pump();
      });
    }
    return false;
  }

  #idleFor({ message, repeatable, repeated }: DeviceCall): DeviceConnection | null {
    let found: DeviceConnection | null = null;
    for (const connection of this.#connections) {
      const { phase, owner, client } = connection;
      if (phase !== 'idle' || owner !== message.owner) continue;
      // Where the connection is authenticated, another would not do.
      if (client !== null && client === message.client && !message.upgrade) return connection;
      // The one that was used last is the least likely to be closed just now.
      // Once it was, so may be the others: the second attempt is on a new one.
      if (client === null && repeatable && !repeated) found = connection;
    }
    return found;
  }

  /**
   * For a request with a body, where it would have to be closed to make room: a device that is busy may not notice in time
   * that it has room again, and reset the new one. Hardly any device closes a connection just after a response.
   */
  #justServedFor({ message, repeatable }: DeviceCall): DeviceConnection | null {
    if (repeatable || message.upgrade) return null;
    const since = this.clock.now() - this.#limits.justServedMs;
    for (const connection of this.#connections) {
      const { phase, owner, client, idleSince } = connection;
      if (phase === 'idle' && owner === message.owner && client === null && idleSince > since)
        return connection;
    }
    return null;
  }

  #open(call: DeviceCall): boolean {
    let channel: DeviceChannel;
    try {
      channel = this.#source.open(this.#port, call.message.owner);
    } catch (error) {
      call.fail(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
    const connection = new DeviceConnection(channel, call.message.owner, this.#limits, this);
    this.#connections.add(connection);
    connection.carry(call);
    return true;
  }

  // --- connections ---

  heard(): void {
    let served = 0;
    for (const { wasHeard, phase } of this.#connections) if (wasHeard && phase !== 'closing') served++;
    this.#proven = Math.max(this.#proven, served);
    if (this.#learned && served > this.#learned.connections) this.#learned = null;
  }

  released(connection: DeviceConnection): void {
    if (connection.phase === 'idle') {
      connection.idleSince = this.clock.now();
      // In the order in which they became idle.
      this.#connections.delete(connection);
      this.#connections.add(connection);
      this.#watchIdle();
      let idles = 0;
      for (const { phase } of this.#connections) if (phase === 'idle') idles++;
      if (idles > this.#limits.idleConnectionsPerPort) this.#closeIdle(null);
    } else if (connection.takesLate && connection.phase === 'closing') {
      this.#resetAfter(connection, this.#settings.responseTimeoutMs ?? this.#limits.responseMs);
    }
    this.#pump();
    if (connection.phase === 'idle' && this.#keepsOthersWaiting()) connection.close();
  }

  /**
   * Whether the device may be serving one connection after the other, and the next be in the queue of its system, where it
   * seems to be open.
   */
  #keepsOthersWaiting(): boolean {
    if (this.#connections.size <= this.#proven) return false;
    for (const { phase, wasHeard } of this.#connections) if (phase === 'busy' && !wasHeard) return true;
    return false;
  }

  closed(connection: DeviceConnection): void {
    this.#connections.delete(connection);
    this.#pump();
  }

  lost(connection: DeviceConnection, call: DeviceCall, error: Error): void {
    if (this.#mayTryAgain(connection, call, error)) this.enqueue(call);
    else call.fail(error);
  }

  #mayTryAgain(connection: DeviceConnection, call: DeviceCall, error: Error): boolean {
    if (connection.heard || call.over) return false;
    const opening = error instanceof ChannelFailure && error.stage === 'opening';
    if (connection.served > 0) {
      // The device closed an idle connection while the request was on its way.
      const first = call.repeatable && !call.repeated;
      call.repeated = true;
      return first;
    }
    const first = !call.deferred;
    call.deferred = true;
    const others = this.#others(connection);
    if (opening && error.error === ChannelError.refused) {
      // Nothing was sent. Beside an open connection it is tried until its time is up.
      if (others.open > 0 || (first && others.all > 0)) this.#learn(others.open);
      return others.open > 0 || (first && others.all > 0);
    }
    // It may have other reasons to end a connection: once more, when that has made room, or beside one that it keeps.
    const ended = !opening && (error instanceof ClosedEarly || error instanceof ChannelFailure);
    if (!ended || !first || !call.repeatable) return false;
    if (others.open > 0) this.#learn(others.open);
    return others.leaving + others.open > 0;
  }

  /** The others, of which the idle ones are closed. */
  #others(but: DeviceConnection): { all: number; open: number; leaving: number } {
    let [all, open, leaving] = [0, 0, 0];
    for (const connection of this.#connections) {
      if (connection === but) continue;
      if (connection.phase === 'idle') connection.close();
      if (connection.phase === 'closing') leaving++;
      if (connection.channel.opened) open++;
      all++;
    }
    return { all, open, leaving };
  }

  /** `connections`: how many the device had taken; 0: it may be that none is taken for a moment. */
  #learn(connections: number): void {
    const now = this.clock.now();
    const until = now + (connections > 0 ? this.#limits.learnedConnectionsMs : this.#limits.idleConnectionMs);
    const known = this.#learned?.connections ?? Number.POSITIVE_INFINITY;
    this.#learned = { connections: Math.min(Math.max(1, connections), known), until, triedAt: now };
    this.#proven = Math.min(this.#proven, this.#learned.connections);
  }

  /** Closes the one that has been idle longest, of this user or of anybody. */
  #closeIdle(owner: string | null): void {
    for (const connection of this.#connections) {
      if (connection.phase !== 'idle' || (owner !== null && connection.owner !== owner)) continue;
      connection.close();
      return;
    }
  }

  /** Somebody waits for its place. */
  #hurry(connection: DeviceConnection): void {
    // The end of an upload may still be on its way.
    if (connection.hurried || connection.takesLate) return;
    connection.hurried = true;
    this.#resetAfter(connection, this.#limits.idleCloseMs);
  }

  #resetAfter({ channel }: DeviceConnection, ms: number): void {
    const timer = this.clock.schedule(ms, () => channel.destroy());
    channel.once('close', () => timer.cancel());
  }

  #watchIdle(): void {
    if (this.#idleTimer) return;
    let oldest: DeviceConnection | null = null;
    for (const connection of this.#connections) {
      if (connection.phase !== 'idle') continue;
      oldest = connection;
      break;
    }
    if (!oldest) return;
    this.#idleTimer = true;
    const left = oldest.idleSince + this.#limits.idleConnectionMs - this.clock.now();
    this.clock.schedule(Math.max(1, left), () => this.#endIdle());
  }

  #endIdle(): void {
    this.#idleTimer = false;
    const since = this.clock.now() - this.#limits.idleConnectionMs;
    for (const connection of this.#connections) {
      if (connection.phase === 'idle' && connection.idleSince <= since) connection.close();
    }
    this.#watchIdle();
  }
}
