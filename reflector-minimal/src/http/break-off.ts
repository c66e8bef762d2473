import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Ends a connection so that the other side does not take what it has got for the whole: by a reset, or in TLS without
 * `close_notify`, which the other side reports as a truncated stream.
 */
export function breakOff(socket: Duplex): void {
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  if (!encrypted && 'resetAndDestroy' in socket && typeof socket.resetAndDestroy === 'function') {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}

/** Ends a response in the middle. Where only the end of the connection delimits it (HTTP/1.0), that must not look like one. */
export function cutResponse(response: ServerResponse): void {
  const { socket, req } = response;
  if (req.httpVersion === '1.0' && socket && response.headersSent) breakOff(socket);
  response.destroy();
}
