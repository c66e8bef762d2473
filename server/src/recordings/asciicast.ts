import { StringDecoder } from 'node:string_decoder';

/** A size of a terminal in characters. */
export interface CastSize {
  readonly columns: number;
  readonly rows: number;
}

/** Whose terminal was recorded, and where; kept in the header as `rm`, which players ignore. */
export interface CastAbout {
  readonly user: string;
  /** ID of the device, its `uid`, and its domain at the time. */
  readonly device: string;
  readonly uid: string;
  readonly domain: string;
  readonly port: number;
}

/** The first line of a file. `timestamp`: seconds since 1970. */
interface CastHeader {
  readonly version: 2;
  readonly width: number;
  readonly height: number;
  readonly timestamp: number;
  readonly title: string;
  readonly rm: CastAbout;
}

const endMarker = 'end';
/** Bytes of the line of the marker, and more. */
export const castEndBytes = 64;

/** Writes the lines of an asciicast, version 2: what the terminal has shown and its sizes, never what was typed. */
export class CastLines {
  /** Characters may be cut between two pieces. */
  readonly #decoder = new StringDecoder('utf8');

  /** `started`: wall-clock ms. */
  header(about: CastAbout, { columns, rows }: CastSize, started: number): string {
    const header: CastHeader = {
      version: 2,
      width: columns,
      height: rows,
      timestamp: Math.floor(started / 1000),
      title: `${about.device} port ${about.port}`,
      rm: about,
    };
    return `${JSON.stringify(header)}\n`;
  }

  /** `ms` since the start. Empty where `bytes` is the beginning of a character. */
  output(bytes: Uint8Array, ms: number): string {
    return event(ms, 'o', this.#decoder.write(Buffer.from(bytes)));
  }

  size({ columns, rows }: CastSize, ms: number): string {
    return event(ms, 'r', `${columns}x${rows}`);
  }

  /** What is left of a character that was cut. */
  rest(ms: number): string {
    return event(ms, 'o', this.#decoder.end());
  }

  /** The last line of a recording that lacks nothing: a marker, which players show or ignore. */
  end(ms: number): string {
    return event(ms, 'm', endMarker);
  }
}

function event(ms: number, kind: 'o' | 'r' | 'm', text: string): string {
  return text === '' ? '' : `${JSON.stringify([ms / 1000, kind, text])}\n`;
}

/** Whether the last bytes of a file, {@link castEndBytes} of them, have the marker. What a device sends is within a line, and makes none. */
export function hasCastEnd(tail: string): boolean {
  return /\n\[[\d.e+-]+,"m","end"\]\n$/.test(tail);
}

/** What a first line says; `null`: it is none of ours. */
export function readCastHeader(line: string): { about: CastAbout; started: number } | null {
  try {
    const { version, timestamp, rm } = JSON.parse(line) as Partial<CastHeader>;
    const isOurs =
      version === 2 &&
      typeof timestamp === 'number' &&
      typeof rm === 'object' &&
      ['user', 'device', 'uid', 'domain'].every((name) => typeof rm[name as 'user'] === 'string') &&
      typeof rm.port === 'number';
    return isOurs ? { about: rm as CastAbout, started: timestamp * 1000 } : null;
  } catch {
    return null;
  }
}
