import { readFileSync } from 'node:fs';
import { defaultDataFile } from '../configuration/data-file.ts';
import type { Program } from './program.ts';

/** `rm-reflector`. */
export const reflectorProgram: Program = {
  name: 'rm-reflector',
  get version() {
    const path = new URL('../../package.json', import.meta.url);
    return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  },
  defaultData: defaultDataFile,
  defaultFile: null,
  keys: [],
};
