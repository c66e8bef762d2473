import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Resets a connection, also below TLS, so that the peer does not mistake what it has received for the whole message. Ending
 * TLS without `close_notify` is not enough: curl and others accept that as a regular end.
 */
export function breakOff(socket: Duplex): void {
  const below = isEncrypted(socket) ? socket._parent : socket;
  if (below instanceof Socket && !below.destroyed) below.resetAndDestroy();
  socket.destroy();
}

/** The only way to the connection below TLS that `node:tls` offers. */
function isEncrypted(socket: Duplex): socket is Duplex & { readonly _parent?: unknown } {
  return 'encrypted' in socket && socket.encrypted === true;
}

/** Ends an incomplete response. In HTTP/1.0, where the end of the connection ends the body, the connection is reset. */
export function cutResponse(response: ServerResponse): void {
  const { socket, req } = response;
  if (req.httpVersion === '1.0' && socket && response.headersSent) breakOff(socket);
  response.destroy();
}
