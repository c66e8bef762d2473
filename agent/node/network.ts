import { createSocket } from 'node:dgram';
import { existsSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { HostError, Listener, Network, Socket, SocketHandler } from '../src/host.ts';
import { toHostError } from './errors.ts';
import { resolve } from './look-ups.ts';
import { onChange } from './network-changes.ts';
import { NodeSocket } from './socket.ts';

export const network: Network = {
  onChange,

  ownAuthorities: `those of Node.js ${process.versions.node}`,

  oldTls: true,

  resolve,

  connect(options, handler): Socket {
    return NodeSocket.dial(options, handler);
  },

  connectLocal(path, handler): Socket {
    return new NodeSocket(connect({ path, allowHalfOpen: true }), handler);
  },

  listenLocal(path, accept, failed): Listener {
    const claim = new Claim(path, serverOf(accept), failed);
    return { close: () => claim.close() };
  },

  listenTcp(address, port, accept, failed): Listener {
    let open = true;
    const server = serverOf(accept);
    const close = () => {
      open = false;
      server.close();
    };
    server.on('error', (error) => {
      if (!open) return;
      close();
      failed(toHostError(error));
    });
    server.listen({ host: address, port });
    return { close };
  },

  multicast(from, group, port, messages, answered, failed) {
    let open = true;
    const socket = createSocket('udp4');
    const cancel = () => {
      if (open) socket.close();
      open = false;
    };
    const fail = (error: Error) => {
      if (!open) return;
      cancel();
      failed(toHostError(error));
    };
    socket.on('error', fail);
    socket.on('message', (bytes, sender) => {
      if (open && bytes.length <= LONGEST_DATAGRAM) answered(bytes, sender.address, sender.port);
    });
    // The kernel sends to groups by the interface of this address.
    socket.bind({ address: from, port: 0, exclusive: true }, () => {
      for (const message of messages) socket.send(message, port, group, (error) => error && fail(error));
    });
    return { cancel };
  },
};

/** As in `host.ts`. */
const LONGEST_DATAGRAM = 4096;

function serverOf(accept: (socket: Socket) => SocketHandler): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
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
}

// libuv says EACCES for it, which would mislead.
const noDirectory: HostError = { code: 'not-found', message: 'no such directory' };
const inUse: HostError = { code: 'in-use', message: 'another agent uses it' };

/** How often a path is tried that is there and then is not; a link to nowhere always is. */
const CLAIM_ATTEMPTS = 16;

/** Names that were made, so that none is made twice. */
let names = 0;

/**
 * A server that listens under a name of its own first, and is then linked to its path. So whatever is at the path does
 * listen or never will again, and of two that find it stale at the same moment one gets it.
 */
class Claim {
  readonly #path: string;
  readonly #own: string;
  readonly #server: Server;
  readonly #failed: (error: HostError) => void;
  #inode: number | null = null;
  #open = true;
  #attempts = 0;

  constructor(path: string, server: Server, failed: (error: HostError) => void) {
    this.#path = path;
    this.#own = `${path}.${process.pid.toString(36)}${names++}`;
    this.#server = server;
    this.#failed = failed;
    server.on('error', (error) => this.#fail(existsSync(dirname(path)) ? toHostError(error) : noDirectory));
    server.on('listening', () => {
      this.#inode = lstatSync(this.#own).ino;
      this.#attempt(() => this.#take());
    });
    rmSync(this.#own, { force: true });
    // The file is made with mode 0600 from the start: changing it later would leave a gap.
    const before = process.umask(0o177);
    try {
      server.listen(this.#own);
    } finally {
      process.umask(before);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#server.close();
    rmSync(this.#own, { force: true });
    if (lstatSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) rmSync(this.#path);
  }

  #fail(reason: HostError): void {
    if (!this.#open) return;
    this.close();
    this.#failed(reason);
  }

  #attempt(act: () => void): void {
    try {
      if (this.#open) act();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another agent has just put aside what was there.
      if (code === 'ENOENT' && this.#attempts < CLAIM_ATTEMPTS) this.#attempt(() => this.#take());
      else this.#fail(toHostError(error as NodeJS.ErrnoException));
    }
  }

  #take(): void {
    this.#attempts++;
    this.#link(() => this.#probe());
  }

  /** Takes the path if nothing is there. */
  #link(taken: () => void): void {
    try {
      linkSync(this.#own, this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      taken();
      return;
    }
    rmSync(this.#own);
  }

  /** Looks whether somebody answers at the path. */
  #probe(): void {
    const { ino } = lstatSync(this.#path);
    const probe = connect(this.#path);
    probe.on('connect', () => {
      probe.destroy();
      this.#fail(inUse);
    });
    probe.on('error', (error: NodeJS.ErrnoException) =>
      this.#attempt(() => {
        if (error.code !== 'ECONNREFUSED') throw error;
        // A plain file refuses connections too.
        if (lstatSync(this.#path).isSocket()) this.#replace(ino);
        else this.#fail({ code: 'in-use', message: 'a file that is no socket is there' });
      }),
    );
  }

  /** Puts the stale file aside and takes its place; if it is another by now, somebody was quicker and gets it back. */
  #replace(stale: number): void {
    if (lstatSync(this.#path).ino !== stale) {
      this.#fail(inUse);
      return;
    }
    const aside = `${this.#own}x`;
    renameSync(this.#path, aside);
    const moved = lstatSync(aside).ino;
    try {
      if (moved === stale) this.#link(() => this.#fail(inUse));
      else {
        linkSync(aside, this.#path);
        this.#fail(inUse);
      }
    } finally {
      rmSync(aside);
    }
  }
}
