import { describe, expect, it } from 'vitest';
import { ascii } from '../host/simulated/bytes.ts';
import { SimulatedHost } from '../host/simulated/host.ts';
import { type LogLevel, openLog } from './log.ts';

const levels: LogLevel[] = ['error', 'warning', 'info', 'debug'];
const textOf = (bytes: Uint8Array | undefined) => String.fromCharCode(...(bytes ?? []));

describe('a log', () => {
  it.each(levels)('of level %s holds that level and what is more severe', (level) => {
    const host = new SimulatedHost();
    const log = openLog(host, { level, to: 'stderr' });
    for (const name of levels) log[name]('x');
    const expected = levels.slice(0, levels.indexOf(level) + 1);
    expect(host.system.printed[2]).toBe(expected.map((name) => `${name} x\n`).join(''));
    expect(host.system.printed[1]).toBe('');
  });

  it('keeps one event one line, whatever a peer has sent', () => {
    const host = new SimulatedHost();
    openLog(host, { level: 'info', to: 'stderr' }).info('a\r\nerror forged\x1b[31m\0b');
    expect(host.system.printed[2]).toBe('info a error forged [31m b\n');
  });

  it('goes to the system log with its severity', () => {
    const host = new SimulatedHost();
    const log = openLog(host, { level: 'debug', to: 'syslog' });
    for (const name of levels) log[name](name);
    expect(host.system.logged).toEqual([
      [3, 'error'],
      [4, 'warning'],
      [6, 'info'],
      [7, 'debug'],
    ]);
  });

  it('in a file has times, and never more than two files of the bound', () => {
    const host = new SimulatedHost();
    host.clock.wallOffset = Date.UTC(2026, 6, 1) - host.clock.now();
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 } });
    log.info('first');
    expect(textOf(host.files.content.get('/log'))).toBe('2026-07-01T00:00:00.000Z info first\n');
    for (let i = 0; i < 1000; i++) log.info(`line ${i} ${'x'.repeat(50)}`);
    expect([...host.files.content.keys()].sort()).toEqual(['/log', '/log.1']);
    for (const bytes of host.files.content.values()) expect(bytes.length).toBeLessThanOrEqual(4096 + 100);
    const both = textOf(host.files.content.get('/log.1')) + textOf(host.files.content.get('/log'));
    const last = both
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ')[3]));
    expect(last.at(-1)).toBe(999);
    expect(last).toEqual(Array.from({ length: last.length }, (_, i) => 1000 - last.length + i));
  });

  it('that cannot be written goes to standard error, and says so once', () => {
    const host = new SimulatedHost();
    host.files.content.set('/log', ascii(''));
    host.files.full = true;
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 } });
    log.info('one');
    log.warning('two');
    expect(host.system.printed[2]).toBe(
      'error /log: cannot be written: no space left\ninfo one\nwarning two\n',
    );
  });
});
