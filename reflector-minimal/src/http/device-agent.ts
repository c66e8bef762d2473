import { Agent, type AgentOptions, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Limits } from '../limits.ts';
import type { Channel } from '../tunnels/channel.ts';

/** What these agents need of a tunnel. */
export interface ChannelSource {
  open(port: number): Channel;
}

/** Options that `http.Agent` takes but its types do not know under `createConnection`. */
type Connected = (error: Error | null, stream: Duplex) => void;

/** Makes HTTP connections to one port of a device out of channels of its tunnel. */
class ChannelAgent extends Agent {
  readonly #source: ChannelSource;
  readonly #port: number;

  constructor(source: ChannelSource, port: number, options: AgentOptions) {
    super(options);
    this.#source = source;
    this.#port = port;
  }

  override createConnection(_options: ClientRequestArgs, connected?: Connected): Duplex {
    try {
      const channel = this.#source.open(this.#port);
      // As on sockets of node:http itself: the device's FIN ends an idle connection.
      channel.allowHalfOpen = false;
      return channel;
    } catch (error) {
      connected?.(error instanceof Error ? error : new Error(String(error)), undefined as unknown as Duplex);
      return undefined as unknown as Duplex;
    }
  }

  override keepSocketAlive(channel: Duplex): boolean {
    channel.on('data', endIt);
    channel.resume();
    // Its types do not say that it decides.
    return (super.keepSocketAlive as (channel: Duplex) => unknown)(channel) !== false;
  }

  override reuseSocket(channel: Duplex, request: ClientRequest): void {
    channel.off('data', endIt);
    super.reuseSocket(channel, request);
  }
}

/** Who speaks on an idle connection answers what nobody has asked, and would answer the next request with it. */
function endIt(this: Duplex): void {
  this.destroy();
}

/** The connections that one tunnel keeps open to one port. */
export class DeviceAgents {
  /** Keeps connections for requests that may safely be sent again when the device has just closed one. */
  readonly pooled: Agent;
  /** One connection a request, for all others. */
  readonly single: Agent;

  constructor(source: ChannelSource, port: number, limits: Limits) {
    const maxSockets = limits.httpConnectionsPerPort;
    this.pooled = new ChannelAgent(source, port, {
      keepAlive: true,
      maxSockets,
      maxFreeSockets: limits.idleConnectionsPerPort,
      scheduling: 'lifo',
      timeout: limits.idleConnectionMs,
    });
    this.single = new ChannelAgent(source, port, { keepAlive: false, maxSockets });
  }
}
