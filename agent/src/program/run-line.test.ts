import { expect, it } from 'vitest';
import { parseCommandLine } from './command-line.ts';
import { configurationToRun } from './run-line.ts';

it.each([
  [[], '/etc/rm-agent.json'],
  [['run'], '/etc/rm-agent.json'],
  [['--config', 'a.json'], 'a.json'],
  [['run', '--config', 'a.json'], 'a.json'],
  [['run', '--config', '--help'], '--help'],
] as const)('%j follows %s, as the parser of all commands says', (argv, config) => {
  expect(configurationToRun(argv)).toBe(config);
  expect(parseCommandLine(argv)).toEqual({ name: 'run', config });
});

it.each([
  [['--config']],
  [['--config', '']],
  [['--config=a.json']],
  [['--config', 'a.json', 'run']],
  [['--config', 'a.json', '--config', 'b.json']],
  [['run', 'run']],
  [['run', '--help']],
  [['--version']],
  [['check']],
  [['']],
] as const)('%j is left to the parser of all commands', (argv) => {
  expect(configurationToRun(argv)).toBeNull();
});
