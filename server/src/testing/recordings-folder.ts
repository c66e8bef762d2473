import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CastLines } from '../recordings/asciicast.ts';

const hourMs = 3_600_000;

/** Two recordings beside the data file in `folder`, of which the later lacks its end. Make them before the server starts. */
export function fillRecordings(folder: string): void {
  const recordings = join(folder, 'recordings');
  mkdirSync(recordings, { mode: 0o700 });
  const now = Date.now();
  for (const [device, ago, isWhole] of [
    ['pump-5', 30 * hourMs, true],
    ['valve-1', 2 * hourMs, false],
  ] as const) {
    const lines = new CastLines();
    const about = { user: 'alice', device, uid: device, domain: 'acme', port: 22 };
    const shown = [
      lines.header(about, { columns: 80, rows: 24 }, now - ago),
      lines.output(Buffer.from('# uptime\r\n 10:12:01 up 41 days\r\n'), 1_200),
      isWhole ? lines.end(9_000) : '',
    ];
    writeFileSync(join(recordings, `${now - ago}-0123456789abcdef.cast`), shown.join(''), { mode: 0o600 });
  }
}
