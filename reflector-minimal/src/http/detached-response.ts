import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { boundaryOf } from '../boundary.ts';
import { endAndLinger, type Linger } from './linger.ts';

/**
 * A response on a connection that `node:http` has handed over because the request asked for an upgrade; `linger`: how
 * long the connection then waits for the user to close it.
 */
export function responseOn(request: IncomingMessage, socket: Duplex, linger: Linger): ServerResponse {
  const response = new ServerResponse(request);
  boundaryOf(socket)?.contain(response);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  // As `node:http` does on connections that it still has: whoever writes the response waits for it.
  const drained = () => response.emit('drain');
  socket.on('drain', drained);
  response.on('finish', () => {
    socket.off('drain', drained);
    response.detachSocket(socket as Socket);
    endAndLinger(socket, linger);
    // So it does this.
    process.nextTick(() => response.emit('close'));
  });
  return response;
}
