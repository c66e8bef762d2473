import { printable, utf8Encode } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { Host, Severity } from '../host.ts';

/** Where lines go. One call is one line, without its end. */
export interface Log {
  error(text: string): void;
  warning(text: string): void;
  info(text: string): void;
  /** Absent where it would go nowhere: then `log.debug?.(…)` does not make the text either. */
  debug?: ((text: string) => void) | undefined;
}

/** A log that folds what is repeated. */
export interface FoldingLog extends Log {
  /** Writes the count of the last repeats; for the end of the program. */
  flush(): void;
}

export type LogSettings = Configuration['log'];
export type LogLevel = LogSettings['level'];

type Machine = Pick<Host, 'clock' | 'system' | 'files'>;
type Sink = (name: LogLevel, text: string) => void;

const severities: Record<LogLevel, Severity> = { error: 3, warning: 4, info: 6, debug: 7 };

/** The longest line, in UTF-16 code units: a peer may send text of any length. */
const LINE_LENGTH = 1000;

/** Repeats of a line are counted, and the count is logged with the first repeat after this time: 1 h. There is no timer. */
const FOLD_MS = 3_600_000;

/**
 * A log as configured. Control characters of what a peer sent become spaces, so that one event stays one line; a line
 * that is the same as the one before is counted instead of written.
 */
export function openLog(host: Machine, settings: LogSettings): FoldingLog {
  const { level, to } = settings;
  const bound = severities[level];
  const toStderr = stderrSink(host, settings);
  let sink = toStderr;
  if (to === 'syslog') sink = (name, text) => host.system.syslog(severities[name], text);
  else if (to !== 'stderr') sink = fileSink(host, to.file, to.maxBytes, toStderr);

  let last = '';
  let lastName: LogLevel = 'debug';
  let repeats = 0;
  let since = 0;
  const flush = () => {
    if (repeats > 0) sink(lastName, repeats === 1 ? last : `last message repeated ${repeats} times`);
    repeats = 0;
  };
  const write = (name: LogLevel) => (text: string) => {
    if (severities[name] > bound) return;
    const line = printable(text).slice(0, LINE_LENGTH);
    const now = host.clock.now();
    if (line === last && name === lastName) {
      repeats++;
      if (now - since < FOLD_MS) return;
      flush();
    } else {
      flush();
      last = line;
      lastName = name;
      sink(name, line);
    }
    since = now;
  };
  return {
    error: write('error'),
    warning: write('warning'),
    info: write('info'),
    debug: bound < severities.debug ? undefined : write('debug'),
    flush,
  };
}

function stderrSink(host: Machine, { priorities }: LogSettings): Sink {
  const prefixed = priorities === 'always' || (priorities === 'auto' && readByJournal(host));
  return prefixed
    ? (name, text) => host.system.print(2, `<${severities[name]}>${text}\n`)
    : (name, text) => host.system.print(2, `${name} ${text}\n`);
}

/** As systemd.exec(5) has it for JOURNAL_STREAM: a program that inherits the variable may have another standard error. */
function readByJournal({ system, files }: Machine): boolean {
  const stream = system.environment('JOURNAL_STREAM');
  if (stream === undefined) return false;
  try {
    return files.stat('/proc/self/fd/2')?.id === stream;
  } catch {
    return false;
  }
}

/**
 * A file that would grow beyond its bound becomes `<file>.1` first. What cannot be written goes to standard error, and
 * the reason before it, once; each line tries the file anew.
 */
function fileSink({ clock, files }: Machine, file: string, maxBytes: number, toStderr: Sink): Sink {
  let size: number | null = null;
  let failed = false;
  return (name, text) => {
    try {
      const line = utf8Encode(`${new Date(clock.date()).toISOString()} ${name} ${text}\n`);
      size ??= files.stat(file)?.size ?? 0;
      if (size > 0 && size + line.length > maxBytes) files.rename(file, `${file}.1`);
      size = files.append(file, line);
      failed = false;
    } catch (error) {
      size = null;
      if (!failed) toStderr('error', `${file}: cannot be written: ${messageOf(error)}`);
      failed = true;
      toStderr(name, text);
    }
  };
}

/** The message of anything that was thrown. An application may throw what has no text, or fails when it is asked for it. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'an error without text';
  }
}
