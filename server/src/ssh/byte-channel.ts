/** The bytes of a connection to a device, on which SSH runs. */
export interface ByteChannel {
  /** Resolves when it is over, and never rejects. */
  readonly ended: Promise<unknown>;
  /** The next bytes; `null`: there are no more. One reader at a time. */
  read(): Promise<Uint8Array | null>;
  /** Resolves when few enough bytes wait that more may come. Rejects when the connection is over. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}
