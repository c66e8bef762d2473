import type { importProperties } from '../src/config/import.ts';
import type { gatewayImport } from '../src/config/import-gateway.ts';
import type { Cancellable, Clock, Crypto, Files, Network, RunResult, System } from '../src/host.ts';
import type { Parts } from '../src/program/main.ts';
import type { makeRequests } from '../src/program/requests.ts';

/** What the scripts behind the first offer, each under its name. */
export interface Scripts {
  commands?: Parts['command'];
  gateway?: NonNullable<Parts['gateway']>['run'];
  import?: {
    readonly importProperties: typeof importProperties;
    /** In a build with the gateway. */
    readonly gatewayImport?: typeof gatewayImport;
  };
  mqtt?: typeof makeRequests;
}

/**
 * What the C host defines before the script runs. Most of it is the port itself, so that a call costs nothing beyond the
 * engine's own call of a C function; `host.ts` beside this file adds the few shapes that are easier to make here.
 */
export interface Native {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly network: Network;
  /** As in the port, but `list` gives names in no order. */
  readonly files: Files;
  readonly processes: {
    /** `environment` holds strings `NAME=VALUE`, which replace those of the agent's own with the same name. */
    run(
      command: readonly string[],
      timeoutMs: number,
      maxOutputBytes: number,
      environment: readonly string[],
      done: (result: RunResult) => void,
      /** Absent or 0: standard error is dropped. */
      maxErrorBytes?: number,
    ): Cancellable;
  };
  readonly system: Omit<System, 'limitMemory'>;
  /**
   * From now on the engine and the host may hold this many bytes together. One more, and the process ends with status
   * 71 and one line on standard error and in the system log.
   */
  memoryLimit(bytes: number): void;
  /** Bytes that the engine and the host hold now, without TLS connections and static buffers. */
  memoryUsed(): number;
  /** Runs the script of this name; the process ends when the executable has none. */
  runScript(name: keyof Scripts): void;
  /** What each script has set when it ran. */
  readonly scripts: Scripts;
  /** Frees garbage that refers to itself, now. */
  collect(): void;
}

declare const rmNative: Native;

export const native: Native = rmNative;
