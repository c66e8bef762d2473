import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Ends a connection so that the other side does not take what it has got for the whole: by a reset, below TLS too. To end
 * TLS without `close_notify` is not enough: curl and others take that for an end in order.
 */
export function breakOff(socket: Duplex): void {
  const below = isEncrypted(socket) ? socket._parent : socket;
  if (below instanceof Socket && !below.destroyed) below.resetAndDestroy();
  socket.destroy();
}

/** `node:tls` keeps the connection below in this field, and has no other way to it. */
function isEncrypted(socket: Duplex): socket is Duplex & { readonly _parent?: unknown } {
  return 'encrypted' in socket && socket.encrypted === true;
}

/** Ends a response in the middle. Where only the end of the connection delimits it (HTTP/1.0), that must not look like one. */
export function cutResponse(response: ServerResponse): void {
  const { socket, req } = response;
  if (req.httpVersion === '1.0' && socket && response.headersSent) breakOff(socket);
  response.destroy();
}
