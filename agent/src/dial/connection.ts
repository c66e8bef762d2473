import type { HostError, Socket, SocketHandler, TlsSession } from '../host.ts';

/** The events of an established connection. */
export type ConnectionHandler = Omit<SocketHandler, 'connected'>;

/** A TCP connection or a local one. Its events go to the handler that it has at the moment. */
export interface Connection {
  readonly socket: Socket;
  readonly address: string;
  handler: ConnectionHandler;
}

const idle: ConnectionHandler = {
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

/**
 * A connection from the moment it is dialled. A class, because there is one for each channel of a tunnel.
 */
export abstract class DialledConnection implements SocketHandler, Connection {
  readonly address: string;
  /** Set at once by the code that dials. */
  socket!: Socket;
  handler: ConnectionHandler = idle;

  constructor(address: string) {
    this.address = address;
  }

  abstract connected(): void;

  /** Whether the dial is still to succeed or fail. */
  protected abstract readonly dialling: boolean;

  /** It could not be made. */
  protected abstract failed(error: HostError): void;

  secured(session: TlsSession): void {
    this.handler.secured?.(session);
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.handler.data(bytes, start, end);
  }

  taken(count: number): void {
    this.handler.taken(count);
  }

  ended(): void {
    this.handler.ended();
  }

  closed(error: HostError | null): void {
    if (this.dialling) this.failed(error ?? { code: 'reset', message: 'connection closed' });
    else this.handler.closed(error);
  }
}
