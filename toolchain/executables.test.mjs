import { describe, expect, it } from 'vitest';
import { chosenExecutables, executables } from './executables.mjs';

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
