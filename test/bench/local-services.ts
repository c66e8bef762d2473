import { createServer, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';

/**
 * The services on the device, in a thread of their own so that they share no event loop with the driver. Each
 * connection of `sink` and `source` starts with the number of bytes that it is about, as u64.
 */

const block = Buffer.alloc(1 << 18, 'remote access ');
const done = Buffer.of(1);

/** Reads the count at the start of a connection, then hands over what follows it. */
function counted(socket: Socket, begin: (count: number, rest: Buffer) => void): void {
  let head = Buffer.alloc(0);
  const read = (bytes: Buffer) => {
    head = Buffer.concat([head, bytes]);
    if (head.length < 8) return;
    socket.off('data', read);
    begin(Number(head.readBigUInt64BE()), head.subarray(8));
  };
  socket.on('data', read);
}

/** Takes the announced bytes and then answers with one. */
function sink(socket: Socket): void {
  counted(socket, (count, rest) => {
    let left = count;
    const take = (bytes: Buffer) => {
      left -= bytes.length;
      if (left <= 0) socket.write(done);
    };
    take(rest);
    socket.on('data', take);
  });
}

/** Sends the announced bytes. */
function source(socket: Socket): void {
  counted(socket, (count) => {
    let left = count;
    const more = () => {
      while (left > 0) {
        const bytes = left < block.length ? block.subarray(0, left) : block;
        left -= bytes.length;
        if (!socket.write(bytes)) {
          socket.once('drain', more);
          return;
        }
      }
    };
    more();
  });
}

function echo(socket: Socket): void {
  socket.on('data', (bytes) => socket.write(bytes));
}

const ports: Record<string, number> = {};
const services = { sink, source, echo };
for (const [name, serve] of Object.entries(services)) {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') return;
    ports[name] = address.port;
    if (Object.keys(ports).length === Object.keys(services).length) parentPort?.postMessage(ports);
  });
}
