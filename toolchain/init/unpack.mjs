#!/usr/bin/env node
// unpack.mjs KIND DIRECTORY: writes the init files into a root file system.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileTree } from '../packages/file-tree.mjs';
import { initFiles, initKinds } from './init.mjs';

const [word, directory] = process.argv.slice(2);
const kind = initKinds().find((each) => each === word);
if (kind === undefined || directory === undefined) {
  console.error(`usage: unpack.mjs ${initKinds().join('|')} DIRECTORY`);
  process.exit(64);
}
for (const entry of fileTree(initFiles(kind))) {
  const path = join(directory, entry.path);
  if ('directory' in entry) mkdirSync(path, { recursive: true });
  else if ('link' in entry) symlinkSync(entry.link, path);
  else writeFileSync(path, entry.content, { mode: entry.mode });
}
