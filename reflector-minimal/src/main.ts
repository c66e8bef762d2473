#!/usr/bin/env node
import { LineReader } from './command-line/line-reader.ts';
import { run } from './command-line/run.ts';
import { systemClock } from './system-clock.ts';

const input = new LineReader();
process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  clock: systemClock,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  ask: input.ask,
});
input.close();
