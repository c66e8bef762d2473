import { type ConnectionEnd, endOf } from './end.ts';

const open = 1;

/** How the WebSocket of a page ends. */
export interface SocketEnd {
  readonly ended: Promise<ConnectionEnd>;
  /** The other end is not there any more: the browser would wait for it. */
  lose(): void;
}

export function endOfSocket(socket: Pick<WebSocket, 'addEventListener' | 'close' | 'readyState'>): SocketEnd {
  let lose = () => {};
  const ended = new Promise<ConnectionEnd>((resolve) => {
    // Already closed: its event is past.
    if (socket.readyState > open) resolve(endOf(1006, ''));
    socket.addEventListener('close', ({ code, reason }: CloseEvent) => resolve(endOf(code, reason)));
    lose = () => {
      resolve(endOf(1006, ''));
      socket.close(1000);
    };
  });
  return { ended, lose };
}
