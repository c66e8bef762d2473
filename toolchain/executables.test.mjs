import { describe, expect, it } from 'vitest';
import { buildsFor, chosenExecutables, executables, withoutProjects } from './executables.mjs';

/** @param {string[]} args */
const driven = (...args) => chosenExecutables('test', args).map(({ name }) => name);

describe('what a run of the tests builds and drives', () => {
  it('is the Node agent and x86-64, and with test:all every other one but what is to be named', () => {
    expect(driven()).toEqual(['node', 'x86_64']);
    expect(driven('-t', 'SIGHUP')).toEqual(driven());
    const others = chosenExecutables('test:all', []).map(({ name }) => name);
    const named = executables.filter(({ drivenBy }) => drivenBy === 'named').map(({ name }) => name);
    expect([...driven(), ...others, ...named].sort()).toEqual(executables.map(({ name }) => name).sort());
    expect(others).toContain('valgrind-smoke');
    expect(named).toContain('valgrind');
  });

  it('is the same with either script where a project is named', () => {
    const args = ['--project', 'scenarios-mips*'];
    expect(chosenExecutables('test:all', args)).toEqual(chosenExecutables('test', args));
  });

  it('is what is named, on demand or not', () => {
    expect(driven('--project', 'scenarios-valgrind')).toEqual(['valgrind']);
    expect(driven('--project=scenarios-node', '--project=scenarios-i686')).toEqual(['node', 'i686']);
    expect(driven('--project', 'scenarios-mips*')).toEqual(['mipsel-24kc', 'mips-24kc']);
    expect(driven('--project', 'unit')).toEqual([]);
    expect(driven('--project', 'e2e')).toEqual(['x86_64']);
  });

  it('is all the rest where a name is taken out', () => {
    expect(driven('--project=!scenarios-node')).not.toContain('node');
    expect(driven('--project=!scenarios-node')).toContain('x86_64');
  });
});

describe('what a run of the tests builds', () => {
  it('is each executable once, with the projects that need it', () => {
    expect(buildsFor('test', [])).toEqual([
      { args: ['--target', 'x86_64'], projects: ['scenarios-x86_64', 'e2e', 'devices', 'long'] },
      {
        args: ['--target', 'x86_64', '--clockless'],
        projects: ['scenarios-x86_64', 'e2e', 'devices', 'long'],
      },
      { args: ['--valgrind'], projects: ['native'] },
      { args: ['--library'], projects: ['e2e', 'integration'] },
      { args: ['--library', '--sanitize'], projects: ['e2e'] },
    ]);
    expect(buildsFor('test', ['--project=integration'])).toEqual([
      { args: ['--library'], projects: ['e2e', 'integration'] },
    ]);
    const all = buildsFor('test:all', []);
    expect(all.filter(({ args }) => args.includes('--sanitize'))).toEqual([
      { args: ['--sanitize'], projects: ['scenarios-sanitize', 'native-sanitize'] },
      { args: ['--library', '--sanitize'], projects: ['scenarios-library'] },
    ]);
    expect(new Set(all.map(({ args }) => `${args}`)).size).toBe(all.length);
    expect(buildsFor('test', ['--project=unit'])).toEqual([]);
  });
});

it('projects can be taken out of the arguments, in both forms', () => {
  const args = ['--project', 'node-22', '--project=node-24', '--project', 'unit', '-t', 'node-22'];
  expect(withoutProjects(args, (name) => name.startsWith('node-'))).toEqual([
    ...['--project', 'unit', '-t', 'node-22'],
  ]);
});
