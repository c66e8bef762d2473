import { describe, expect, it } from 'vitest';
import { type Command, parseCommandLine } from './command-line.ts';

const config = '/etc/rm-agent.json';

describe('parseCommandLine', () => {
  it.each<[string, Command]>([
    ['', { name: 'run', config }],
    ['run', { name: 'run', config }],
    ['--config /a.json', { name: 'run', config: '/a.json' }],
    ['--config=/a.json run', { name: 'run', config: '/a.json' }],
    ['run --config /a.json --config /b.json', { name: 'run', config: '/b.json' }],
    ['check', { name: 'check', config, dial: false, offline: false, root: null }],
    ['check --dial', { name: 'check', config, dial: true, offline: false, root: null }],
    ['check --offline', { name: 'check', config, dial: false, offline: true, root: null }],
    ['check --offline --root=/a=b', { name: 'check', config, dial: false, offline: true, root: '/a=b' }],
    ['--root DIR check --offline', { name: 'check', config, dial: false, offline: true, root: 'DIR' }],
    ['status', { name: 'status', config, json: false }],
    ['status --json', { name: 'status', config, json: true }],
    ['--json status --config=x', { name: 'status', config: 'x', json: true }],
    ['retry', { name: 'retry', config }],
    ['enable', { name: 'enable', config, persist: false }],
    ['enable --persist', { name: 'enable', config, persist: true }],
    ['disable', { name: 'disable', config, persist: false }],
    ['--persist disable', { name: 'disable', config, persist: true }],
    ['consent allow', { name: 'consent', config, word: 'allow', port: null }],
    ['consent refuse 22 --config=x', { name: 'consent', config: 'x', word: 'refuse', port: 22 }],
    ['import a.properties', { name: 'import', file: 'a.properties' }],
    ['import -- --odd', { name: 'import', file: '--odd' }],
    ['--version', { name: 'version' }],
  ])('"%s"', (line, expected) => {
    expect(parseCommandLine(line.split(' ').filter((word) => word !== ''))).toEqual(expected);
  });

  it.each([
    ['stats', 'unknown command "stats", did you mean "status"?'],
    ['serve', 'unknown command "serve"'],
    ['--confg x', 'unknown option "--confg", did you mean "--config"?'],
    ['-v', 'unknown option "-v"'],
    ['--config', '--config needs a file name'],
    ['--config=', '--config needs a file name'],
    ['run now', '"run" takes no "now"'],
    ['run --json', '--json is an option of "status", not of "run"'],
    ['run --dial', '--dial is an option of "check", not of "run"'],
    ['run --offline', '--offline is an option of "check", not of "run"'],
    ['check --offline --dial', '--offline is an option of "check" without --dial'],
    ['check --root DIR', '--root is an option of "check --offline"'],
    ['check --offline --root', '--root needs a directory'],
    ['retry --persist', '--persist is an option of "enable" and "disable", not of "retry"'],
    ['consent', 'consent needs "allow" or "refuse", and perhaps a port'],
    ['consent maybe', 'consent needs "allow" or "refuse", and perhaps a port'],
    ['consent allow 22 80', 'consent needs "allow" or "refuse", and perhaps a port'],
    ['consent allow ssh', 'consent: "ssh" is no port'],
    ['import', 'import needs the name of one file'],
    ['import a b', 'import needs the name of one file'],
    ['import a --config b', 'import has no --config: it prints a configuration'],
    ['toString', 'unknown command "toString"'],
  ])('refuses "%s"', (line, message) => {
    expect(parseCommandLine(line.split(' '))).toEqual({
      usageError: `rm-agent: ${message} (see rm-agent --help)`,
    });
  });

  it('prints the overview on one screen of 80 columns and 24 lines', () => {
    const help = parseCommandLine(['--help']);
    if (!('text' in help)) throw new Error('no help');
    expect(help.text).toContain('rm-agent [COMMAND]');
    const lines = help.text.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('keeps the commands of the overview apart from what they do', () => {
    const help = parseCommandLine(['--help']);
    if (!('text' in help)) throw new Error('no help');
    const [, list = ''] = help.text.split('Commands:\n');
    const [commands = ''] = list.split('\n\n');
    for (const line of commands.split('\n')) expect(line).toMatch(/^ {2}\S.*? {2,}\S/);
  });

  it.each(['run', 'check', 'status', 'retry', 'enable', 'disable', 'consent', 'import'])(
    'has help for %s',
    (name) => {
      for (const argv of [
        [name, '--help'],
        ['--help', name],
        [name, '-h'],
      ]) {
        const help = parseCommandLine(argv);
        expect(help).toHaveProperty('text', expect.stringContaining(`Usage: rm-agent ${name}`));
      }
    },
  );
});
