import { authorization } from './stage.ts';

/* Requests of the user to the device, byte for byte. */

export const host = 'Host: dev1.localhost\r\n';
export const login = `Authorization: ${authorization}\r\n`;
/** What lets a request in, and makes the connection end with its answer. */
export const head = `${host}${login}Connection: close\r\n`;
/** What the reflector says of the user to the device. */
export const forwarded = (authority = 'dev1.localhost') =>
  `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${authority}\r\n`;
/** How each head ends that the device gets. */
export const kept = `${forwarded()}Connection: keep-alive\r\n\r\n`;
/** A request of one line more. */
export const ask = (lines: string, target = '/', method = 'GET') =>
  `${method} ${target} HTTP/1.1\r\n${head}${lines}\r\n`;
/** A request for an upgrade, of some lines more. */
export const upgrade = (lines: string, connection = 'Connection: Upgrade\r\n') =>
  `GET / HTTP/1.1\r\n${host}${login}${connection}${lines}\r\n`;
export const webSocket =
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade: websocket\r\n';
/** A request behind which the connection stays, and what the device sees of it. */
export const open = `GET /1 HTTP/1.1\r\n${host}${login}\r\n`;
export const sawOpen = `GET /1 HTTP/1.1\r\n${host}${kept}`;
