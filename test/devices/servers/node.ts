import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import type { Device } from '../suite/device.ts';
import { html, image, pattern, script, style } from '../suite/documents.ts';

const pages = new Map<string, [type: string, content: string | Buffer]>([
  ['/', ['text/html', html]],
  ['/style.css', ['text/css', style]],
  ['/script.js', ['text/javascript', script]],
  ['/image.png', ['image/png', image]],
  ['/firmware.bin', ['application/octet-stream', pattern(3 << 20)]],
]);

/** Node's own server, as the interfaces of many gateways are made of it: trailers, chunks, WebSocket. */
export const device: Device = {
  start: async ({ port }) => {
    const server = createServer((request, response) => {
      const { method, url = '' } = request;
      if (method === 'POST' || method === 'PUT') {
        const hash = createHash('sha256');
        request.on('data', (piece) => hash.update(piece));
        request.on('end', () => response.end(`${method} ${hash.digest('hex')}`));
        return;
      }
      if (url === '/move') return void response.writeHead(301, { Location: '/' }).end();
      const page = pages.get(url);
      if (!page) return void response.writeHead(404).end('nothing');
      response.writeHead(200, { 'Content-Type': page[0] });
      response.write(page[1]);
      response.end();
    });
    const sockets = new WebSocketServer({ server, path: '/live' });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`heard ${data}`)));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return {
      stop: () => {
        sockets.close();
        server.close();
        server.closeAllConnections();
      },
    };
  },
  asks: {
    page: '/',
    image: '/image.png',
    download: '/firmware.bin',
    redirect: '/move',
    form: { path: '/form', body: 'speed=7' },
    upload: { path: '/upload', method: 'PUT' },
    webSocket: { path: '/live', send: ['one', 'two'] },
  },
};
