// Ports of 127.0.0.1 for programs that cannot be told to choose one themselves and say which.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Both ends of each connection that holds a port. */
const held = new Set();

/**
 * A port of 127.0.0.1 that refuses connections and that nobody else gets by chance, for as long as this process lives.
 * One end of a connection is bound to it, so that the kernel chooses it neither for a listener on any port nor for an
 * outgoing connection. A program that names it and sets SO_REUSEADDR, as servers do, may listen on it.
 *
 * @returns {Promise<number>}
 */
export async function reservedPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // With an address of its own the socket is bound before it connects: such a port is never shared.
  const holder = connect({ port: server.address().port, host: '127.0.0.1', localAddress: '127.0.0.1' });
  const [[peer]] = await Promise.all([once(server, 'connection'), once(holder, 'connect')]);
  for (const end of [holder, peer]) {
    end.on('error', () => undefined);
    end.unref();
    held.add(end);
  }
  server.close();
  return holder.localPort;
}

/**
 * Waits until something accepts connections on a port of 127.0.0.1. False when `child`, which was to do so, has ended
 * or was never started.
 *
 * @param {number} port
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<boolean>}
 */
export async function listens(port, child) {
  while (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
