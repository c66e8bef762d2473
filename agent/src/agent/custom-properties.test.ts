import type { Property } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles, type Program } from '../../simulation/host.ts';
import { type defaultCommandLimits, defaultLimits, type Limits } from '../config/limits.ts';
import { CustomProperties } from './custom-properties.ts';

/** Custom properties `a`, `b`, … of the programs `a`, `b`, … */
function made(programs: Record<string, Program>, limits: Partial<Limits> = {}, interval = 60) {
  const host = new AgentHost();
  const names = Object.keys(programs);
  for (const name of names) host.processes.results.set(name, programs[name] ?? 'silent');
  const properties = Object.fromEntries(names.map((name) => [name, { command: name }]));
  const { device } = host.configure({
    device: { id: 'i', domain: 'd', properties, propertiesInterval: interval },
  });
  const logged: string[] = [];
  const custom = new CustomProperties(host, device, { ...defaultLimits, ...limits }, (what) =>
    logged.push(what),
  );
  const read = () => {
    const results: (readonly Property[])[] = [];
    custom.read((list) => results.push(list));
    host.clock.until('the properties are read', () => results.length > 0);
    const [list = []] = results;
    return Object.fromEntries(list.map(({ name, value }): [string, string] => [name, value]));
  };
  return { host, custom, logged, read };
}

describe('the bounds of commands', () => {
  const broken: Record<keyof typeof defaultCommandLimits, () => void> = {
    commandMs() {
      const { host, logged, read } = made({ a: 'silent', b: { output: ascii('1') } });
      const start = host.clock.now();
      expect(read()).toEqual({ b: '1' });
      expect(host.clock.now() - start).toBeCloseTo(defaultLimits.commandMs, -2);
      expect(logged).toEqual(['device.properties.a: a: no end within 10 s']);
      expect(host.handles).toEqual(noHandles);
    },

    commandsMs() {
      const programs = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, 'silent'] as const));
      const { host, logged, read } = made(programs);
      const start = host.clock.now();
      expect(read()).toEqual({});
      expect(host.clock.now() - start).toBeLessThan(defaultLimits.commandsMs + 1000);
      expect(host.processes.runs).toHaveLength(2);
      expect(logged).toContain('device.properties.p63: not run: the commands before it took 20 s');
    },

    commandBytes() {
      const { read } = made({ a: { output: ascii('x'.repeat(5000)) } });
      expect(read().a).toHaveLength(defaultLimits.commandBytes);
    },

    commandErrorBytes() {
      const { logged, read } = made({ a: { status: 1, errorOutput: ascii('x'.repeat(5000)) } });
      read();
      expect(logged).toEqual([`device.properties.a: a: status 1: ${'x'.repeat(400)}`]);
    },

    propertiesLength() {
      const programs = Object.fromEntries(
        Array.from({ length: 64 }, (_, i) => [`p${i + 10}`, { output: ascii('x'.repeat(2000)) }] as const),
      );
      const { logged, read } = made(programs);
      const values = read();
      const length = Object.entries(values).reduce(
        (sum, [name, value]) => sum + name.length + value.length,
        0,
      );
      expect(length).toBeLessThanOrEqual(defaultLimits.propertiesLength);
      expect(Object.keys(values)).toEqual(['p10', 'p11', 'p12', 'p13', 'p14', 'p15', 'p16']);
      expect(logged).toHaveLength(57);
      expect(logged[0]).toBe('device.properties.p17: left out: all together are longer than 8192');
    },
  };

  it.each(Object.entries(broken))('%s holds', (_name, attack) => attack());
});

describe('a command that fails', () => {
  it('keeps the last value, and logs why once', () => {
    const { host, logged, read } = made({ a: { output: ascii('1') } });
    expect(read()).toEqual({ a: '1' });
    host.processes.results.set('a', { status: 3 });
    expect([read(), read()]).toEqual([{ a: '1' }, { a: '1' }]);
    expect(logged).toEqual(['device.properties.a: a: status 3']);
    host.processes.results.set('a', { output: ascii('2') });
    expect(read()).toEqual({ a: '2' });
    host.processes.results.set('a', { status: 3 });
    expect(read()).toEqual({ a: '2' });
    expect(logged).toHaveLength(2);
  });

  it("logs the program's standard error, in one line, once", () => {
    const errorOutput = (text: string) => ({ status: 2, errorOutput: ascii(text) });
    const { host, logged, read } = made({ a: errorOutput('at 12:00:\n  no \x1b[31msensor\n') });
    read();
    host.processes.results.set('a', errorOutput('at 12:01:\n  no sensor\n'));
    read();
    expect(logged).toEqual(['device.properties.a: a: status 2: at 12:00: no [31msensor']);
  });

  it('and then prints what it printed before has not changed', () => {
    const { host, custom, read } = made({ a: { output: ascii('1') }, b: { output: ascii('1') } });
    read();
    const sent: unknown[] = [];
    custom.watch((changed) => sent.push(changed));
    host.processes.results.set('a', { status: 1 });
    host.clock.advance(61_000);
    host.processes.results.set('a', { output: ascii('1') });
    host.clock.advance(61_000);
    expect(sent).toEqual([]);
    host.processes.results.set('b', { output: ascii('2') });
    host.clock.advance(61_000);
    expect(sent).toEqual([[{ name: 'b', value: '2' }]]);
    custom.stop();
    expect(host.handles).toEqual(noHandles);
  });
});

it('without an interval nothing is asked again', () => {
  const { host, custom, read } = made({ a: { output: ascii('1') } }, {}, 0);
  read();
  custom.watch(() => undefined);
  expect(host.handles).toEqual(noHandles);
});
