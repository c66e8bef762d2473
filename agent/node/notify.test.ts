import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { notify } from './notify.ts';

it('a service manager is told by systemd-notify, without our secrets, and only where there is one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rm-notify-'));
  const file = join(directory, 'told');
  const script = `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$DEVICE_PASSWORD" "$@" >>${file}\n`;
  writeFileSync(join(directory, 'systemd-notify'), script, { mode: 0o755 });
  const PATH = `${directory}:${process.env.PATH}`;
  notify('WATCHDOG=1', { PATH });
  notify('READY=1\nSTATUS=two words', { PATH, NOTIFY_SOCKET: '@socket', DEVICE_PASSWORD: 'p' });
  await vi.waitFor(
    () => expect(readFileSync(file, 'utf8')).toBe('@socket||READY=1|STATUS=two words|'),
    60_000,
  );
  rmSync(directory, { recursive: true });
});

it('a machine without systemd-notify goes on', () => {
  notify('READY=1', { PATH: '/nonexistent', NOTIFY_SOCKET: '@socket', DEVICE_PASSWORD: 'p' });
});
