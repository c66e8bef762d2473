import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { failure } from '../../node/errors.ts';
import { SimulatedHost } from '../../simulation/host.ts';
import { type LogLevel, openLog } from './log.ts';

const levels: LogLevel[] = ['error', 'warning', 'info', 'debug'];
const textOf = (bytes: Uint8Array | undefined) => String.fromCharCode(...(bytes ?? []));

describe('a log', () => {
  it.each(levels)('of level %s holds that level and what is more severe', (level) => {
    const host = new SimulatedHost();
    const log = openLog(host, { level, to: 'stderr', priorities: 'auto' });
    for (const name of levels) log[name]?.('x');
    const expected = levels.slice(0, levels.indexOf(level) + 1);
    expect(host.system.printed[2]).toBe(expected.map((name) => `${name} x\n`).join(''));
    expect(host.system.printed[1]).toBe('');
  });

  it.each(levels)('of level %s has debug only where its lines go somewhere', (level) => {
    const log = openLog(new SimulatedHost(), { level, to: 'stderr', priorities: 'auto' });
    expect(log.debug !== undefined).toBe(level === 'debug');
  });

  it('keeps one event one line, whatever a peer has sent', () => {
    const host = new SimulatedHost();
    openLog(host, { level: 'info', to: 'stderr', priorities: 'auto' }).info(
      'a\r\nerror forged\x1b[31m\0b\x9b\u2028c',
    );
    expect(host.system.printed[2]).toBe('info a error forged [31m b c\n');
  });

  it('goes to the system log with its severity', () => {
    const host = new SimulatedHost();
    const log = openLog(host, { level: 'debug', to: 'syslog', priorities: 'auto' });
    for (const name of levels) log[name]?.(name);
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
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 }, priorities: 'auto' });
    log.info('first');
    expect(textOf(host.files.content.get('/log'))).toBe('2026-07-01T00:00:00.000Z info first\n');
    for (let i = 0; i < 1000; i++) log.info(`line ${i} ${'x'.repeat(50)}`);
    expect([...host.files.content.keys()].sort()).toEqual(['/log', '/log.1']);
    for (const bytes of host.files.content.values()) expect(bytes.length).toBeLessThanOrEqual(4096);
    const both = textOf(host.files.content.get('/log.1')) + textOf(host.files.content.get('/log'));
    const last = both
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ')[3]));
    expect(last.at(-1)).toBe(999);
    expect(last).toEqual(Array.from({ length: last.length }, (_, i) => 1000 - last.length + i));
  });

  it('that cannot be written goes to standard error, reports that once, and goes on when there is room', () => {
    const host = new SimulatedHost();
    host.files.content.set('/log', ascii(''));
    host.files.full = true;
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 }, priorities: 'auto' });
    log.info('one');
    log.warning('two');
    host.files.full = false;
    log.info('three');
    expect(host.system.printed[2]).toBe(
      'error /log: cannot be written: no space left\ninfo one\nwarning two\n',
    );
    expect(textOf(host.files.content.get('/log'))).toMatch(/^[^\n]* info three\n$/);
  });

  it('that cannot be turned over does not grow beyond its bound', () => {
    const host = new SimulatedHost();
    host.files.rename = () => {
      throw failure('permission', 'permission denied');
    };
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 }, priorities: 'auto' });
    for (let i = 0; i < 1000; i++) log.info(`line ${i}`);
    expect(host.files.content.get('/log')?.length).toBeLessThanOrEqual(4096);
    expect(host.system.printed[2].split('\n')[0]).toBe('error /log: cannot be written: permission denied');
    expect(host.system.printed[2]).toMatch(/line 999\n$/);
  });

  it('that was full before the agent began is turned over first', () => {
    const host = new SimulatedHost();
    host.files.content.set('/log', new Uint8Array(5000));
    const log = openLog(host, { level: 'info', to: { file: '/log', maxBytes: 4096 }, priorities: 'auto' });
    log.info('new');
    expect(host.files.content.get('/log.1')).toHaveLength(5000);
    expect(textOf(host.files.content.get('/log'))).toMatch(/ info new\n$/);
  });

  it('cuts what is longer than 1000 characters', () => {
    const host = new SimulatedHost();
    openLog(host, { level: 'info', to: 'stderr', priorities: 'auto' }).info('x'.repeat(50_000));
    expect(host.system.printed[2]).toHaveLength('info '.length + 1000 + 1);
  });
});

describe('a line that is repeated', () => {
  const settings = { level: 'info', to: 'stderr', priorities: 'auto' } as const;

  it('is counted, and the count is written before the next other line', () => {
    const host = new SimulatedHost();
    const log = openLog(host, settings);
    for (let i = 0; i < 5; i++) log.info('same');
    log.warning('same');
    log.info('other');
    log.debug?.('not logged');
    log.info('other');
    log.info('last');
    expect(host.system.printed[2].split('\n')).toEqual([
      'info same',
      'info last message repeated 4 times',
      'warning same',
      'info other',
      'info other',
      'info last',
      '',
    ]);
  });

  it('for ever is one line an hour, and no timer', () => {
    const host = new SimulatedHost();
    const log = openLog(host, settings);
    for (let second = 0; second < 2 * 3600; second++) {
      log.info('again');
      host.clock.advance(1000);
    }
    expect(host.system.printed[2]).toBe('info again\ninfo last message repeated 3600 times\n');
    expect(host.handles.timers).toBe(0);
  });

  it('is accounted for in the end', () => {
    const host = new SimulatedHost();
    const log = openLog(host, settings);
    log.flush();
    log.info('a');
    log.info('a');
    log.info('a');
    log.flush();
    log.flush();
    expect(host.system.printed[2]).toBe('info a\ninfo last message repeated 2 times\n');
  });
});

describe('the priority', () => {
  const lineWith = (priorities: 'auto' | 'always' | 'never', stream?: string) => {
    const host = new SimulatedHost();
    host.files.content.set('/proc/self/fd/2', ascii(''));
    if (stream !== undefined) host.system.variables.set('JOURNAL_STREAM', stream);
    openLog(host, { level: 'info', to: 'stderr', priorities }).warning('text');
    return host.system.printed[2];
  };

  it.each([
    ['always', undefined, '<4>text\n'],
    ['never', '1:/proc/self/fd/2', 'warning text\n'],
    ['auto', '1:/proc/self/fd/2', '<4>text\n'],
    ['auto', undefined, 'warning text\n'],
    ['auto', '8:12345', 'warning text\n'],
  ] as const)('%s, with the journal at %s', (priorities, stream, line) => {
    expect(lineWith(priorities, stream)).toBe(line);
  });
});
