import type { Extension } from 'rm-protocol';
import { defaultLimits, type Limits } from '../src/config/limits.ts';
import { dialService } from '../src/dial/dial-service.ts';
import type { Admit, ForwardedPort } from '../src/tunnel/forwarded-port.ts';
import { Tunnel, type TunnelEnd } from '../src/tunnel/tunnel.ts';
import { SimulatedHost } from './host.ts';
import { LocalService } from './local-service.ts';
import { TunnelPeer } from './tunnel-peer.ts';

export interface StageOptions {
  readonly seed?: number;
  readonly limits?: Partial<Limits>;
  readonly extension?: Extension | null;
  readonly ports?: readonly number[];
  readonly connectMs?: number;
  readonly localMs?: number;
  readonly latencyMs?: readonly [number, number];
  /** Asked before each dial. */
  readonly admit?: Admit;
}

/** A tunnel that is up, between a reflector's side and simulated services. Time passes with `run`. */
export class TunnelStage {
  readonly host: SimulatedHost;
  readonly tunnel: Tunnel;
  readonly peer: TunnelPeer;
  readonly services = new Map<number, LocalService>();
  /** The agent's side of the tunnel's connection. */
  readonly socket;
  readonly limits: Limits;
  readonly events: string[] = [];
  /** Why services did not work. */
  readonly failures: string[] = [];
  end: TunnelEnd | null = null;

  constructor(options: StageOptions = {}) {
    const { seed = 1, ports = [80, 81], connectMs = 10_000, localMs = 7_200_000, extension = null } = options;
    this.host = new SimulatedHost(seed);
    const { network, clock } = this.host;
    network.latencyMs = options.latencyMs ?? [1, 1];
    this.limits = { ...defaultLimits, ...options.limits };
    for (const port of ports) this.services.set(port, new LocalService(network, port));
    const services = new Map<number, ForwardedPort>();
    const admission = options.admit ? { admit: options.admit } : {};
    for (const port of ports)
      services.set(port, {
        port,
        dial: dialService(this.host, { host: '127.0.0.1', port }, null, 8),
        ...admission,
      });

    let peer: TunnelPeer | undefined;
    network.listen('192.0.2.1', 443, (socket) => {
      const made = new TunnelPeer(socket);
      peer = made;
      return {
        connected: () => undefined,
        data: (bytes, start, end) => made.frames.push(bytes, start, end),
        taken: () => undefined,
        ended: () => {
          made.ended = true;
        },
        closed: () => undefined,
      };
    });
    const made: { tunnel: Tunnel | null } = { tunnel: null };
    this.socket = network.connect(
      { address: '192.0.2.1', port: 443 },
      {
        connected: () => undefined,
        data: (bytes, start, end) => made.tunnel?.receive(bytes, start, end),
        taken: (count) => void made.tunnel?.taken(count),
        ended: () => undefined,
        closed: () => made.tunnel?.abandon(),
      },
    );
    clock.until('connected', () => peer !== undefined);
    if (!peer) throw new Error('not connected');
    this.peer = peer;
    this.tunnel = new Tunnel({
      socket: this.socket,
      clock,
      crypto: this.host.crypto,
      limits: this.limits,
      services,
      timeouts: { connectMs, localMs },
      extension,
      events: {
        opened: ({ number }) => this.events.push(`opened ${number}`),
        closed: ({ number }, error) => this.events.push(`closed ${number} ${error}`),
        refused: (what) => this.events.push(`refused ${what}`),
        failed: (port, reason) => this.failures.push(`${port}: ${reason}`),
      },
      ended: (end) => {
        this.end = end;
      },
    });
    made.tunnel = this.tunnel;
  }

  run(ms = 50): void {
    this.host.clock.advance(ms);
  }

  service(port = 80): LocalService {
    const service = this.services.get(port);
    if (!service) throw new Error(`no service on port ${port}`);
    return service;
  }

  /** Opens a channel and returns its local connection. */
  open(channel: number, port = 80) {
    this.peer.open(channel, port);
    this.run();
    if (!this.peer.take().includes(`confirm ${channel}`))
      throw new Error(`channel ${channel} was not opened`);
    return this.service(port).last;
  }

  /** Sockets that the agent holds for channels. */
  get localSockets(): number {
    return this.host.network.sockets.size - 1;
  }
}
