import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { startDemoDesktop } from './demo-desktop.mjs';

const needed = ['/usr/bin/Xtigervnc', '/usr/bin/xmessage', '/usr/bin/xwininfo'];

test.skipIf(!needed.every((path) => existsSync(path)))(
  'something is on the desktop of the demo',
  async () => {
    const desktop = await startDemoDesktop('Pump 7');
    try {
      expect(desktop?.empty).toBe(false);
      const shown = () =>
        execFileSync('xwininfo', ['-display', `:${desktop?.port}`, '-root', '-children'], {
          encoding: 'utf8',
        });
      await vi.waitUntil(() => /"xcalc"|"xmessage"/.test(shown()), { timeout: 120_000 });
    } finally {
      await desktop?.stop();
    }
  },
);
