import { limits } from '../limits.ts';

/** What happened in a recorded terminal. `at`: ms since its start. */
export type CastEvent =
  | { readonly at: number; readonly kind: 'output'; readonly text: string }
  | { readonly at: number; readonly kind: 'size'; readonly columns: number; readonly rows: number };

export interface Cast {
  readonly columns: number;
  readonly rows: number;
  /** Wall-clock ms. */
  readonly started: number;
  readonly events: readonly CastEvent[];
  /** Of the last event. */
  readonly ms: number;
  /** It has the marker of its end. */
  readonly isWhole: boolean;
}

/** Reads an asciicast, version 2. The last line may be cut: the terminal is open still. `null`: it is none. */
export function readCast(text: string): Cast | null {
  const [first = '', ...lines] = text.split('\n');
  const header = parsed(first);
  if (!isRecord(header) || header.version !== 2) return null;
  const size = sizeOf(header.width, header.height);
  if (!size || typeof header.timestamp !== 'number') return null;
  const events: CastEvent[] = [];
  let ms = 0;
  for (const line of lines) {
    const event = eventOf(parsed(line), ms);
    if (!event) continue;
    events.push(event);
    ms = event.at;
  }
  return { ...size, started: header.timestamp * 1000, events, ms, isWhole: isEnd(lines.at(-2)) };
}

/** The last line of a recording that lacks nothing; behind it is nothing. */
function isEnd(line = ''): boolean {
  const event = parsed(line);
  return Array.isArray(event) && event[1] === 'm' && event[2] === 'end';
}

/** `after`: of the event before; time does not go back. */
function eventOf(value: unknown, after: number): CastEvent | null {
  if (!Array.isArray(value)) return null;
  const [seconds, kind, data] = value as unknown[];
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || typeof data !== 'string') return null;
  const at = Math.max(after, seconds * 1000);
  if (kind === 'o') return { at, kind: 'output', text: data };
  const [, columns, rows] = kind === 'r' ? (/^(\d{1,5})x(\d{1,5})$/.exec(data) ?? []) : [];
  const size = sizeOf(Number(columns), Number(rows));
  return size && { at, kind: 'size', ...size };
}

/** Bounded: each cell takes memory. */
function sizeOf(columns: unknown, rows: unknown): { columns: number; rows: number } | null {
  if (typeof columns !== 'number' || typeof rows !== 'number') return null;
  if (!(columns >= 1 && rows >= 1)) return null;
  return {
    columns: Math.min(Math.floor(columns), limits.replayColumns),
    rows: Math.min(Math.floor(rows), limits.replayRows),
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
