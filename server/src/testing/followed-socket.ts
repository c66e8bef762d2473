import type { WebSocket } from 'ws';

/** A WebSocket with what it has received, and how it has ended: close code and reason. */
export class FollowedSocket {
  readonly socket: WebSocket;
  readonly closed: Promise<string>;
  readonly received: string[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve(`${code} ${reason}`));
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => this.received.push(data.toString()));
  }
}
