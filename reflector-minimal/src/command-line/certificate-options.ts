import { CommandError, ExitStatus } from './exit.ts';

export interface CertificateOptions {
  readonly certificate?: boolean | undefined;
  readonly 'issued-since'?: string | undefined;
}

/** The time since which certificates of the device are accepted; `null`: the device has a password. */
export function certificatesSince(options: CertificateOptions): number | 'default' | null {
  const text = options['issued-since'];
  if (!options.certificate) {
    if (text === undefined) return null;
    throw new CommandError(ExitStatus.usage, '--issued-since: only with --certificate');
  }
  if (text === undefined) return 'default';
  const time = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new CommandError(
    ExitStatus.usage,
    `--issued-since ${JSON.stringify(text)}: must be a date, as in 2026-01-31 or 2026-01-31T12:00:00Z`,
  );
}
