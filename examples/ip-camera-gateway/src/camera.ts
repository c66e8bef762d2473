import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** An imitated camera on loopback. */
export interface Camera {
  readonly httpPort: number;
  readonly rtspPort: number;
  close(): void;
}

/** Pictures a second. */
const RATE = 5;

/** One picture: a bar that moves. Cameras send JPEG; a browser shows any image. */
function picture(n: number): string {
  const x = (n * 10) % 300;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"><rect width="320" height="240"/><rect x="${x}" width="20" height="240" fill="lime"/></svg>`;
}

/** Pictures one after the other, until the viewer goes (`multipart/x-mixed-replace`). */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
  let n = 0;
  const send = () => response.write(`--frame\r\nContent-Type: image/svg+xml\r\n\r\n${picture(n++)}\r\n`);
  send();
  const timer = setInterval(send, 1000 / RATE);
  response.once('close', () => clearInterval(timer));
}

/** As much of RTSP (RFC 2326) as shows that the way is open. */
function answerRtsp(socket: Socket): void {
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const [, method, sequence = '0'] = /^(\w+) .*?\r\nCSeq: *(\d+)/is.exec(text) ?? [];
      const status = method === 'OPTIONS' ? '200 OK' : '501 Not Implemented';
      socket.write(
        `RTSP/1.0 ${status}\r\nCSeq: ${sequence}\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n`,
      );
      text = text.slice(end + 4);
    }
  });
  socket.on('error', () => socket.destroy());
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function startCamera(): Promise<Camera> {
  const web = createHttpServer((request, response) => {
    if (request.url === '/video.mjpg') stream(response);
    else {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end('<!doctype html><title>Gate camera</title><img alt="Live" src="/video.mjpg">');
    }
  });
  const sockets = new Set<Socket>();
  const rtsp = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    answerRtsp(socket);
  });
  const [httpPort, rtspPort] = await Promise.all([listening(web), listening(rtsp)]);
  return {
    httpPort,
    rtspPort,
    close: () => {
      web.close();
      web.closeAllConnections();
      rtsp.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
