import { Collected } from '../../protocol/src/testing/bytes.ts';
import type { HostError, SocketHandler } from '../src/host.ts';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedSocket } from './socket.ts';

/** A connection that a local service has accepted, and all that came over it. */
export class LocalConnection implements SocketHandler {
  readonly socket: SimulatedSocket;
  readonly received = new Collected();
  hasEnded = false;
  /** Undefined as long as the connection lives. */
  closedWith: HostError | null | undefined;
  taken = (_count: number) => undefined;

  constructor(socket: SimulatedSocket) {
    this.socket = socket;
  }

  connected(): void {}

  data(bytes: Uint8Array, start: number, end: number): void {
    this.received.add(bytes, start, end);
  }

  ended(): void {
    this.hasEnded = true;
  }

  closed(error: HostError | null): void {
    this.closedWith = error;
  }
}

/** A TCP service of the device that accepts, and leaves the rest to the test. */
export class LocalService {
  readonly connections: LocalConnection[] = [];
  /** Connections that are accepted are not read until the test resumes them. */
  stalled = false;

  constructor(network: SimulatedNetwork, port: number, address = '127.0.0.1') {
    network.listen(address, port, (socket) => {
      const connection = new LocalConnection(socket);
      this.connections.push(connection);
      if (this.stalled) socket.pause();
      return connection;
    });
  }

  get last(): LocalConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected');
    return connection;
  }
}
