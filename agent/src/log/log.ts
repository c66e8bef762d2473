import type { Host, Severity } from '../host/host.ts';
import { utf8Encode } from '../protocol/text.ts';

/** Where lines go. One call is one line, without its end. */
export interface Log {
  error(text: string): void;
  warning(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

export type LogLevel = 'error' | 'warning' | 'info' | 'debug';

export interface LogSettings {
  readonly level: LogLevel;
  readonly to: 'stderr' | 'syslog' | { readonly file: string; readonly maxBytes: number };
}

const severities: Record<LogLevel, Severity> = { error: 3, warning: 4, info: 6, debug: 7 };

/**
 * A log as configured. Control characters of what a peer sent become spaces, so that one event stays one line. A file
 * that would grow beyond its bound is renamed to `<file>.1`; one that cannot be written is said once, and the lines
 * go to standard error.
 */
export function openLog(host: Pick<Host, 'clock' | 'system' | 'files'>, settings: LogSettings): Log {
  const { level, to } = settings;
  const bound = severities[level];
  const toStderr = (name: LogLevel, text: string) => host.system.print(2, `${name} ${text}\n`);
  let sink: (name: LogLevel, text: string) => void = toStderr;
  if (to === 'syslog') {
    sink = (name, text) => host.system.syslog(severities[name], text);
  } else if (to !== 'stderr') {
    sink = (name, text) => {
      try {
        const time = new Date(host.clock.date()).toISOString();
        const size = host.files.append(to.file, utf8Encode(`${time} ${name} ${text}\n`));
        if (size >= to.maxBytes) host.files.rename(to.file, `${to.file}.1`);
      } catch (error) {
        sink = toStderr;
        toStderr('error', `${to.file}: cannot be written: ${error instanceof Error ? error.message : error}`);
        toStderr(name, text);
      }
    };
  }
  const write = (name: LogLevel) => (text: string) => {
    if (severities[name] <= bound) sink(name, text.replace(/[\x00-\x1f\x7f]+/g, ' '));
  };
  return { error: write('error'), warning: write('warning'), info: write('info'), debug: write('debug') };
}
