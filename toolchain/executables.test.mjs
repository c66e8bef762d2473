import { describe, expect, it } from 'vitest';
import { drivenBy, executables } from './executables.mjs';

/** @param {string[]} args */
const driven = (...args) => drivenBy(args).map(({ name }) => name);

describe('what a run of the tests builds and drives', () => {
  it('is everything but what is on demand', () => {
    expect(driven()).toEqual(executables.filter(({ onDemand }) => !onDemand).map(({ name }) => name));
    expect(driven('-t', 'SIGHUP')).toEqual(driven());
    expect(driven()).not.toContain('valgrind');
    expect(driven()).toContain('valgrind-smoke');
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
