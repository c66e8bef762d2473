import { lookup } from 'node:dns';
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { Address, Cancellable, Listener, Network, Socket, SocketHandler } from '../host.ts';
import { toHostError } from './errors.ts';
import { NodeSocket } from './socket.ts';

export const network: Network = {
  resolve(name, done): Cancellable {
    let cancelled = false;
    lookup(name, { all: true, verbatim: true }, (error, found) => {
      if (cancelled) return;
      if (error) done([], toHostError(error));
      else
        done(
          found.map(({ address, family }): Address => ({ address, family: family === 6 ? 6 : 4 })),
          null,
        );
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  },

  connect({ address, port }, handler): Socket {
    return new NodeSocket(connect({ host: address, port, noDelay: true, allowHalfOpen: true }), handler);
  },

  connectLocal(path, handler): Socket {
    return new NodeSocket(connect({ path, allowHalfOpen: true }), handler);
  },

  listenLocal(path, accept, failed): Listener {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const inner: { handler: SocketHandler | null } = { handler: null };
      // The handler is made from the socket, and the socket wants a handler: this one stands between for one turn.
      const wrapped = new NodeSocket(socket, {
        connected: () => undefined,
        data: (bytes, start, end) => inner.handler?.data(bytes, start, end),
        taken: (count) => inner.handler?.taken(count),
        ended: () => inner.handler?.ended(),
        closed: (error) => inner.handler?.closed(error),
      });
      inner.handler = accept(wrapped);
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') replaceStale(server, path, () => failed(toHostError(error)));
      else failed(toHostError(error));
    });
    listenPrivately(server, path);
    return { close: () => server.close() };
  },
};

/** The socket file is made with mode 0600 from the start: changing it later would leave a gap. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
}

/** A socket file at which nobody answers is left from a process that was killed. */
function replaceStale(server: Server, path: string, inUse: () => void): void {
  const probe = connect(path);
  probe.on('connect', () => {
    probe.destroy();
    inUse();
  });
  probe.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'ECONNREFUSED') {
      inUse();
      return;
    }
    unlinkSync(path);
    server.removeAllListeners('error');
    server.on('error', inUse);
    listenPrivately(server, path);
  });
}
