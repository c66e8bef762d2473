import type { Json, JsonObject } from './json.ts';
import type { Properties } from './properties-file.ts';

/** POCO's priorities; `none` has no counterpart. */
const levels: Readonly<Record<string, string>> = {
  fatal: 'error',
  critical: 'error',
  error: 'error',
  warning: 'warning',
  notice: 'info',
  information: 'info',
  debug: 'debug',
  trace: 'debug',
};

/** The root logger and the channel that it writes to. */
export function importLog(properties: Properties, warn: (message: string) => void): JsonObject {
  const log: Record<string, Json> = {};
  const levelKey = 'logging.loggers.root.level';
  const source = properties.take(levelKey);
  if (source !== null) {
    const level = levels[source];
    if (level === undefined) warn(`${levelKey}: "${source}" has no counterpart; errors are logged`);
    log.level = level ?? 'error';
  }
  const channel = properties.take('logging.loggers.root.channel');
  if (channel === null) return log;
  const to = importChannel(`logging.channels.${channel}`, properties, warn);
  if (to !== null) log.to = to;
  return log;
}

function importChannel(prefix: string, properties: Properties, warn: (message: string) => void): Json {
  const kind = properties.take(`${prefix}.class`);
  if (kind === 'ConsoleChannel' || kind === 'ColorConsoleChannel') return 'stderr';
  if (kind === 'SyslogChannel') return 'syslog';
  if (kind !== 'FileChannel' && kind !== 'SimpleFileChannel') {
    warn(`${prefix}.class: "${kind ?? ''}" has no counterpart; the log goes to standard error`);
    return 'stderr';
  }
  const file = properties.take(`${prefix}.path`);
  if (file === null || !file.startsWith('/')) {
    warn(`${prefix}.path: "${file ?? ''}" is not an absolute path; the log goes to standard error`);
    return 'stderr';
  }
  const maxBytes = importRotation(`${prefix}.rotation`, properties, warn);
  return maxBytes === null ? { file } : { file, maxBytes };
}

function importRotation(key: string, properties: Properties, warn: (message: string) => void): number | null {
  const rotation = properties.take(key);
  if (rotation === null) return null;
  const [, count, unit = ''] = /^(\d+)\s*([KM]?)$/.exec(rotation) ?? [];
  if (count === undefined) {
    warn(`${key}: "${rotation}" has no counterpart; the file is rotated by its size`);
    return null;
  }
  return Number(count) * (unit === 'K' ? 1_024 : unit === 'M' ? 1_048_576 : 1);
}
