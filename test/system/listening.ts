import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Both ends of each connection that holds a port. */
const held = new Set<Socket>();

/**
 * A port of 127.0.0.1 that refuses connections and that nobody else gets by chance, for as long as this process lives.
 * One end of a connection is bound to it, so that the kernel gives it neither to who asks for any port nor to who
 * connects; who names it may listen on it.
 */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // With an address of its own the socket is bound before it connects: such a port is never shared.
  const holder = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1' });
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(holder, 'connect')])) as [
    [Socket],
    unknown,
  ];
  for (const end of [holder, peer]) {
    end.on('error', () => undefined);
    end.unref();
    held.add(end);
  }
  server.close();
  return holder.localPort as number;
}

/** A port that was free a moment ago; for programs that cannot be told to choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until something accepts connections on a port of the loopback interface, or `child` ends. */
export async function listening(port: number, child: ChildProcess, stderr: () => string): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${child.spawnfile} ended with ${child.exitCode}: ${stderr()}`);
}
