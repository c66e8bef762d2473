#!/usr/bin/env node
// Part of `npm run check`: the arrows between folders.
import { fileURLToPath } from 'node:url';
import { importFaults } from './faults.mjs';

const faults = await importFaults(fileURLToPath(new URL('../..', import.meta.url)));
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(`Forbidden imports: ${faults.length}. toolchain/imports/allowed.mjs says what is allowed.`);
  process.exit(1);
}
