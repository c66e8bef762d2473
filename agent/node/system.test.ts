import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hardwareAddresses, system } from './system.ts';

describe('hardwareAddresses', () => {
  it('are those of eth0 and then of the others in the order of the kernel, without loopback and what is no interface', () => {
    const base = mkdtempSync(join(tmpdir(), 'rm-net-'));
    const add = (name: string, index: string, address: string) => {
      mkdirSync(join(base, name));
      writeFileSync(join(base, name, 'ifindex'), index);
      writeFileSync(join(base, name, 'address'), address);
    };
    add('lo', '1\n', '00:00:00:00:00:00\n');
    add('eth0', '10\n', '02:00:00:00:00:0a\n');
    add('wlan0', '9\n', '02:00:00:00:00:09\n');
    add('tun0', '4\n', '\n');
    add('ifb0', '3\n', '02:00:00:00:00:03\n');
    // A plain file, which the bonding module puts beside the interfaces.
    writeFileSync(join(base, 'bonding_masters'), 'bond0\n');
    // An interface that goes away while it is looked at.
    mkdirSync(join(base, 'usb0'));
    expect(hardwareAddresses(base)).toEqual(['02000000000a', '020000000003', '020000000009']);
    rmSync(base, { recursive: true });
  });

  it('are none where there is no such folder', () => {
    expect(hardwareAddresses('/nowhere')).toEqual([]);
  });
});

describe('system', () => {
  it('provides what the protocol needs', () => {
    expect(system.nodeId()).toMatch(/^[0-9a-f]{12}$/);
    expect(system.platform()).toMatch(/^Linux\/[^;]+; \S+$/);
    expect(system.hostName()).not.toBe('');
    expect(system.residentMemory()).toBeGreaterThan(1_000_000);
    expect(system.environment('PATH')).toBe(process.env.PATH);
    expect(system.environment('RM_NOT_SET')).toBeUndefined();
  });

  it('calls back on a signal instead of ending', async () => {
    const before = process.listeners('SIGUSR1');
    const called = new Promise<void>((resolve) => system.onSignal('SIGUSR1', resolve));
    process.kill(process.pid, 'SIGUSR1');
    await called;
    process.removeAllListeners('SIGUSR1');
    for (const listener of before) process.on('SIGUSR1', listener);
  });
});
