import type { Connection } from '../dial/connection.ts';

export interface ByteHandler {
  /** Bytes of MQTT; valid only during the call. */
  data(bytes: Uint8Array, start: number, end: number): void;
  /** The stream has sent so many bytes of its own: a WebSocket's answers to PINGs. */
  sent(count: number): void;
  /** So many bytes more of those sent have left; of a WebSocket its frames' headers included. */
  taken(count: number): void;
  /** The last event: the connection is gone. */
  closed(reason: string): void;
}

/** A connection that carries the bytes of MQTT, whatever is between. */
export interface ByteStream {
  /** Sends the bytes; returns how many go over the wire for them. */
  send(bytes: Uint8Array): number;
  /** Stops and restarts reading. Both idempotent. */
  pause(): void;
  resume(): void;
  /** Closes in order once all is sent. */
  end(): void;
  /** Closes at once. No callback comes after it. */
  destroy(): void;
  /** Must be called before the callback that hands this over returns. */
  deliverTo(handler: ByteHandler): void;
}

/** MQTT over the connection itself. */
export function directStream(connection: Connection): ByteStream {
  const { socket } = connection;
  return {
    send: (bytes) => {
      socket.write(bytes);
      return bytes.length;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    deliverTo: (handler) => {
      connection.handler = {
        data: (bytes, start, end) => handler.data(bytes, start, end),
        taken: (count) => handler.taken(count),
        ended: () => {
          socket.destroy();
          handler.closed('closed by the broker');
        },
        closed: (error) => handler.closed(error?.message ?? 'connection closed'),
      };
    },
  };
}
