import { describe, expect, it } from 'vitest';
import { fileTree, totalBytes } from './file-tree.mjs';

/** @param {string} path */
const file = (path, content = 'x') => ({ path, mode: 0o644, content: Buffer.from(content) });

describe('a file tree', () => {
  it('is sorted by bytes and names each directory before what is in it', () => {
    const tree = fileTree([file('usr/bin/b'), file('usr/bin/B'), file('etc/é'), file('etc/z')]);
    expect(tree.map(({ path }) => path)).toEqual([
      ...['etc', 'etc/z', 'etc/é', 'usr', 'usr/bin', 'usr/bin/B', 'usr/bin/b'],
    ]);
    expect(tree[0]).toEqual({ path: 'etc', mode: 0o755, directory: true });
  });

  it('keeps the mode of a directory that is named', () => {
    const [directory] = fileTree([
      file('var/lib/x'),
      { path: 'var/lib', mode: 0o700, directory: true },
    ]).filter(({ path }) => path === 'var/lib');
    expect(directory?.mode).toBe(0o700);
  });

  it.each(['', '/etc/x', './x', '../x', 'a/../b', 'a//b', 'a/', 'a\0b', 'x'.repeat(256)])(
    'refuses the path %j',
    (path) => {
      expect(() => fileTree([file(path)])).toThrow('not a path inside a package');
    },
  );

  it('refuses the same path twice, and a file inside a file', () => {
    expect(() => fileTree([file('a'), file('a')])).toThrow('a occurs twice');
    expect(() => fileTree([file('a'), file('a/b')])).toThrow('a is no directory, but a/b is in it');
  });

  it('counts the bytes of files', () => {
    expect(totalBytes([file('a', '12345'), { path: 'b', mode: 0o777, link: 'a' }])).toBe(5);
  });
});
