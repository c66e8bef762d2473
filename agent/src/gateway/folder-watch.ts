import { gatewayLimits } from '../config/limits.ts';
import type { Cancellable, Host, HostError } from '../host.ts';

/**
 * Calls `changed` when a folder has changed and is quiet again: whoever copies a hundred files into it is waited for, and
 * a file that is written to without end does not keep the others from counting.
 */
export function watchFolder(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  folder: string,
  changed: () => void,
  failed: (error: HostError) => void,
): Cancellable {
  const { folderQuietMs, folderMostMs } = gatewayLimits;
  let timer: Cancellable | null = null;
  let since = 0;
  const run = () => {
    timer = null;
    changed();
  };
  const report = () => {
    const now = clock.now();
    if (timer) timer.cancel();
    else since = now;
    timer = clock.schedule(Math.max(0, Math.min(folderQuietMs, since + folderMostMs - now)), run);
  };
  const watch = files.watch?.(folder, report, failed);
  if (!watch)
    timer = clock.schedule(0, () => failed({ code: 'other', message: 'this build cannot watch a folder' }));
  return {
    cancel: () => {
      timer?.cancel();
      timer = null;
      watch?.cancel();
    },
  };
}
