import { describe, expect, it } from 'vitest';
import { fileTree } from '../packages/file-tree.mjs';
import { initConffiles, initFiles, initKinds, inittabLine, removeScripts } from './init.mjs';

/** @param {import('./init.mjs').InitKind} kind */
const paths = (kind, options = {}) => initFiles(kind, options).map(({ path }) => path);

describe.each(initKinds())('the files for %s', (kind) => {
  it('make a file tree', () => {
    expect(fileTree(initFiles(kind)).length).toBeGreaterThan(0);
  });

  it('start the agent at boot, unless a package does that', () => {
    expect(paths(kind).length).toBeGreaterThan(paths(kind, { enabled: false }).length);
  });

  it('name the files that people change', () => {
    for (const path of initConffiles(kind)) expect(paths(kind)).toContain(path.slice(1));
  });

  it('have no link that leads nowhere', () => {
    const present = paths(kind).map((path) => `/${path}`);
    for (const entry of initFiles(kind)) {
      if ('link' in entry) expect(present).toContain(new URL(entry.link, `file:///${entry.path}`).pathname);
    }
  });
});

it('the line of inittab names the file that BusyBox init runs', () => {
  expect(paths('busybox').map((path) => `/${path}`)).toContain(inittabLine.split(':').at(-1));
});

describe.each(/** @type {const} */ (['systemd', 'sysv']))('a Debian package for %s', (kind) => {
  it('leaves neither secrets nor state when it is purged', () => {
    const { postrm } = removeScripts(kind);
    expect(postrm).toMatch(/"\$1" = purge .*rm -rf .*\/var\/lib\/rm-agent \/etc\/rm-agent\.\*/s);
  });
});
