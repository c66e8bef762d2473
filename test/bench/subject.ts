/** Something that carries connections to local services of a device: an agent in one of its set-ups, or `ssh -R`. */
export interface Subject {
  readonly name: string;
  /** The process on the device. */
  readonly devicePid: number;
  /** The processes in between, each with its children; empty where this program plays the reflector itself. */
  readonly relayPids: readonly number[];
  /** From the start of the device's process until the first connection could be carried, in milliseconds. */
  readonly startMs: number;
  /** Connects to a port of the device. */
  open(port: number): Promise<Stream>;
  stop(): Promise<void>;
}

/** One connection to a local service, reduced to what is measured. */
export interface Stream {
  /** Sends `bytes` (a multiple of 64 KiB) of anything, as fast as they are taken. */
  send(bytes: number): Promise<void>;
  /** Sends these bytes now. */
  write(bytes: Uint8Array): void;
  /** Resolves when `bytes` more have come. */
  receive(bytes: number): Promise<void>;
  /** Ends the connection in both directions and waits until the device has ended it too, where that can be seen. */
  close(): Promise<void>;
}

/** Counts what comes and wakes the one who waits for it. */
export class Counter {
  #have = 0;
  #wanted = 0;
  #wake: (() => void) | null = null;

  add(bytes: number): void {
    this.#have += bytes;
    if (this.#wake && this.#have >= this.#wanted) {
      const wake = this.#wake;
      this.#wake = null;
      this.#have -= this.#wanted;
      wake();
    }
  }

  take(bytes: number): Promise<void> {
    if (this.#have >= bytes) {
      this.#have -= bytes;
      return Promise.resolve();
    }
    this.#wanted = bytes;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
