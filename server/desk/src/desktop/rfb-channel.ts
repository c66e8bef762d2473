/** The end of a connection: RFC 6455 section 7.4. */
export interface ChannelEnd {
  readonly code: number;
  readonly reason: string;
}

/** Where the bytes go. */
export interface RfbTransport {
  /** Copies what it keeps: the caller uses the memory again. */
  send(bytes: Uint8Array): void;
  close(): void;
}

type State = 'connecting' | 'open' | 'closing' | 'closed';

/**
 * A connection in the shape of a WebSocket, for noVNC: it takes any object that has these properties by itself or from its
 * class, and sets the handlers. Whoever has the bytes calls `opened`, `received` and `ended`.
 */
export class RfbChannel {
  binaryType = 'arraybuffer';
  readonly protocol = '';
  readyState: State = 'connecting';
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: ChannelEnd) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly #transport: RfbTransport;

  constructor(transport: RfbTransport) {
    this.#transport = transport;
  }

  /** noVNC sends. What is sent after the end is lost, as in a WebSocket. */
  send(bytes: Uint8Array): void {
    if (this.readyState === 'open') this.#transport.send(bytes);
  }

  /** noVNC has finished. Idempotent. */
  close(): void {
    if (this.readyState === 'closing' || this.readyState === 'closed') return;
    this.readyState = 'closing';
    this.#transport.close();
  }

  opened(): void {
    if (this.readyState !== 'connecting') return;
    this.readyState = 'open';
    this.onopen?.();
  }

  /** Ignored before the connection is open and once noVNC has finished. */
  received(bytes: ArrayBuffer): void {
    if (this.readyState === 'open' && bytes.byteLength > 0) this.onmessage?.({ data: bytes });
  }

  /** Idempotent. */
  ended(end: ChannelEnd): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.onclose?.(end);
  }
}
