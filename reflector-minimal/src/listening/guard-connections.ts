import type { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Stands before all listeners of this server for new connections, those to come as well. `takes`: whether it has taken the connection,
 * or closed it; the listeners hear of it when `connection` is emitted again and it does not.
 */
export function guardConnections(server: Server, takes: (socket: Socket) => boolean): void {
  const emit = server.emit as EventEmitter['emit'];
  server.emit = (...event: Parameters<EventEmitter['emit']>): boolean => {
    const [name, socket] = event as [string, Socket];
    return (name === 'connection' && takes(socket)) || emit.apply(server, event);
  };
}
