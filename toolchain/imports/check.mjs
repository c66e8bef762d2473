#!/usr/bin/env node
// Part of `npm run check`: the arrows between folders, and between the modules of the C host.
import { fileURLToPath } from 'node:url';
import { includeFaults } from '../tiny/layers.mjs';
import { importFaults } from './faults.mjs';

const imports = await importFaults(fileURLToPath(new URL('../..', import.meta.url)));
const includes = includeFaults();
for (const fault of [...imports, ...includes]) console.error(fault);
if (imports.length > 0)
  console.error(`Forbidden imports: ${imports.length}. toolchain/imports/allowed.mjs says what is allowed.`);
if (includes.length > 0)
  console.error(`Forbidden includes: ${includes.length}. agent/tiny/layers.json has the layers.`);
if (imports.length + includes.length > 0) process.exit(1);
