import type { Readable, Writable } from 'node:stream';
import type { DeviceStream } from './device-stream.ts';

/** A local connection, or the two ends of one. */
export interface Local {
  readonly source: Readable;
  readonly sink: Writable;
  /** Ends both at once, so that the program there notices that its connection broke. */
  break(): void;
}

/**
 * Carries bytes both ways until both directions have ended; each end is passed on by itself. Rejects with the failure
 * of the remote end, or with the error of the local one; then the other end is broken off.
 */
export function relay({ source, sink, break: breakLocal }: Local, remote: DeviceStream): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      source.unpipe(remote);
      remote.unpipe(sink);
      remote.destroy();
      breakLocal();
      reject(error);
    };
    source.on('error', fail);
    sink.on('error', fail);
    remote.on('error', fail);
    // A program that is gone without an end of its stream takes no data either.
    source.once('close', () => {
      if (!source.readableEnded) remote.destroy();
    });
    remote.once('close', () => {
      source.unpipe(remote);
      if (remote.errored) return;
      if (!remote.readableEnded) breakLocal();
      resolve();
    });
    source.pipe(remote);
    remote.pipe(sink);
  });
}
