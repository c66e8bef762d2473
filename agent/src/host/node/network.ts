import { lookup } from 'node:dns';
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { Address, Cancellable, HostError, Listener, Network, Socket, SocketHandler } from '../host.ts';
import { toHostError } from './errors.ts';
import { NodeSocket } from './socket.ts';

export const network: Network = {
  ownAuthorities: `those of Node.js ${process.versions.node}`,

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

  connect(options, handler): Socket {
    return NodeSocket.dial(options, handler);
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
    let open = true;
    const fail = (reason: HostError) => {
      if (open) failed(reason);
    };
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') fail(existsSync(dirname(path)) ? toHostError(error) : noDirectory);
      else {
        whenStale(path, fail, () => {
          if (!open) return;
          unlinkSync(path);
          listenPrivately(server, path);
        });
      }
    });
    listenPrivately(server, path);
    return {
      close: () => {
        open = false;
        server.close();
      },
    };
  },
};

// libuv says EACCES for it, which would mislead.
const noDirectory: HostError = { code: 'not-found', message: 'no such directory' };

/** The socket file is made with mode 0600 from the start: changing it later would leave a gap. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
}

/** Calls `stale` when nobody answers at a socket file: it is left from a process that was killed. */
function whenStale(path: string, failed: (error: HostError) => void, stale: () => void): void {
  const probe = connect(path);
  probe.on('connect', () => {
    probe.destroy();
    failed({ code: 'in-use', message: 'another agent uses it' });
  });
  probe.on('error', (error: NodeJS.ErrnoException) => {
    try {
      if (error.code !== 'ECONNREFUSED') failed(toHostError(error));
      // A plain file refuses connections too.
      else if (!lstatSync(path).isSocket()) {
        failed({ code: 'in-use', message: 'a file that is no socket is there' });
      } else stale();
    } catch (reason) {
      failed(toHostError(reason as NodeJS.ErrnoException));
    }
  });
}
