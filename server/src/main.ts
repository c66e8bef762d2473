#!/usr/bin/env node
import { LineReader, run, systemClock } from 'rm-reflector/program';
import { serverProgram } from './program/server-program.ts';

const input = new LineReader();
process.exitCode = await run(
  process.argv.slice(2),
  {
    environment: process.env,
    clock: systemClock,
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    ask: input.ask,
  },
  serverProgram,
);
input.close();
