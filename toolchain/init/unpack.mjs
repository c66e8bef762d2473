#!/usr/bin/env node
// unpack.mjs KIND DIRECTORY: writes the init files into a root file system.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileTree } from '../packages/file-tree.mjs';
import { initFiles, initKinds } from './init.mjs';

const [word, directory] = process.argv.slice(2);
const kind = initKinds().find((each) => each === word);
if (kind === undefined || directory === undefined) {
  console.error(`usage: unpack.mjs ${initKinds().join('|')} DIRECTORY`);
  process.exit(64);
}
mkdirSync(directory, { recursive: true });
for (const entry of fileTree(initFiles(kind))) {
  const path = join(directory, entry.path);
  if ('directory' in entry) {
    // What the image has keeps its mode.
    if (existsSync(path)) continue;
    mkdirSync(path);
  } else {
    // It may be there from an earlier run; and no link of the image is to lead it elsewhere.
    rmSync(path, { force: true });
    if ('link' in entry) {
      symlinkSync(entry.link, path);
      continue;
    }
    writeFileSync(path, entry.content);
  }
  // Whatever the umask is.
  chmodSync(path, entry.mode);
}
