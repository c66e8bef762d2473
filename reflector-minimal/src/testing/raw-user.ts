import { connect, type Socket } from 'node:net';
import { until } from './until.ts';

/** A user that sends bytes and keeps what comes back; one character a byte. */
export class RawUser {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('end', () => this.socket.end());
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(bytes: string): void {
    this.socket.write(Buffer.from(bytes, 'latin1'));
  }

  /** All that has come when the reflector has closed the connection. */
  async whole(): Promise<string> {
    await until(() => this.closed);
    return this.received;
  }

  /** Status of each response head that has come, in order. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  destroy(): void {
    this.socket.destroy();
  }
}
