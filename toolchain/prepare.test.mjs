import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownHeaders } from './prepare.mjs';

let prefix = '';
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), 'rm-prepare-'));
});
afterEach(() => rmSync(prefix, { recursive: true, force: true }));

/** @param {string} version */
function headersOf(version) {
  const [major, minor, patch] = version.split('.');
  mkdirSync(join(prefix, 'include/node'), { recursive: true });
  writeFileSync(
    join(prefix, 'include/node/node_version.h'),
    `#define NODE_MAJOR_VERSION ${major}\n#define NODE_MINOR_VERSION ${minor}\n#define NODE_PATCH_VERSION ${patch}\n`,
  );
}

test('better-sqlite3 is compiled with the headers beside Node, without a download', () => {
  headersOf(process.versions.node);
  expect(ownHeaders(prefix)).toEqual({ npm_package_config_node_gyp_nodedir: prefix });
});

test('headers of another version do not count', () => {
  headersOf('18.0.0');
  expect(ownHeaders(prefix)).toEqual({});
});

test('where none came with Node, node-gyp gets its own', () => {
  expect(ownHeaders(prefix)).toEqual({});
});
