import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Answers a poll when there is news, and sends events in a body that goes on. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        if (request.target === '/poll') {
          await new Promise((resolve) => setTimeout(resolve, 300));
          const body = Buffer.from('{"speed":7}');
          connection.write(written(request, { status: 200, reason: 'OK', type: 'application/json', body }));
        } else if (request.target === '/events') {
          connection.write(
            'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
          );
          const send = () => connection.write('d\r\ndata: speed\n\n\r\n');
          const timer = setInterval(send, 20);
          await new Promise((resolve) => connection.socket.once('close', resolve));
          clearInterval(timer);
          return;
        } else connection.write(written(request, smallSite(request)));
      }
    }),
  asks: {
    ...smallAsks,
    others: [
      { method: 'GET', path: '/poll' },
      { method: 'POST', path: '/poll', body: 'since=1' },
    ],
    stream: { path: '/events', bytes: 130 },
  },
};
