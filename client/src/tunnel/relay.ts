import type { Readable, Writable } from 'node:stream';
import type { DeviceStream } from './device-stream.ts';

/** A local connection: one duplex stream, or a readable and a writable one. */
export interface Local {
  readonly source: Readable;
  readonly sink: Writable;
  /** Destroys both, so that the local program notices that the connection broke. */
  break(): void;
}

/**
 * Carries bytes in both directions until both have ended; each end is passed on separately. Rejects with the error of
 * either side, and breaks the other one.
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
    // A program that vanished without ending its stream takes no data either.
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
