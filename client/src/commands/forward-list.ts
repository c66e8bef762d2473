import { parseArgs } from 'node:util';
import { readAddress, readPort } from '../command-line/target.ts';
import { ExitStatus, Failure } from '../failure.ts';

/** One forward, as its options say. */
export interface Forward {
  /** As it was written: it is checked against the reflector later. */
  readonly device: string;
  readonly remotePort: number;
  /** 0: any free port. */
  readonly localPort: number;
  /** Where it listens. */
  readonly address: string;
}

/** Options of one forward, for `parseArgs`. */
export const forwardOptions = {
  'remote-port': { type: 'string', short: 'R' },
  'local-port': { type: 'string', short: 'L', default: '0' },
  bind: { type: 'string', short: 'b', default: '127.0.0.1' },
} as const;

/** The most forwards of one file. */
export const mostForwards = 100;

const form = 'DEVICE -R PORT [-L PORT] [-b ADDRESS]';

/** Reads one forward. Throws a {@link Failure}. */
export function readForward(
  positionals: readonly string[],
  values: {
    readonly 'remote-port'?: string | undefined;
    readonly 'local-port': string;
    readonly bind: string;
  },
): Forward {
  const [device, ...rest] = positionals;
  if (device === undefined || rest.length > 0 || values['remote-port'] === undefined) {
    throw new Failure(`usage: rm-client forward ${form}`, ExitStatus.usage);
  }
  return {
    device,
    remotePort: readPort(values['remote-port'], '-R'),
    localPort: readPort(values['local-port'], '-L', 0),
    address: readAddress(values.bind, '-b'),
  };
}

/**
 * The forwards in the text of a file, one a line, as they stand on the command line; `#` begins a comment. Throws a
 * {@link Failure} that names the line.
 */
export function readForwards(text: string, file: string): readonly Forward[] {
  const forwards = text.split('\n').flatMap((line, index) => {
    const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    try {
      const { positionals, values } = parseArgs({
        args: words,
        options: forwardOptions,
        allowPositionals: true,
      });
      return [readForward(positionals, values)];
    } catch (error) {
      const reason =
        error instanceof Failure ? error.message.replace(/^usage: .*/, `must be ${form}`) : `must be ${form}`;
      throw new Failure(`${file}:${index + 1}: ${reason}`, ExitStatus.usage);
    }
  });
  if (forwards.length === 0) throw new Failure(`${file}: has no forward: ${form}`, ExitStatus.usage);
  if (forwards.length > mostForwards) {
    throw new Failure(`${file}: ${forwards.length} forwards, allowed are ${mostForwards}`, ExitStatus.usage);
  }
  return forwards;
}
