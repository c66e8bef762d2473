#!/usr/bin/env node
import { LineReader, run, systemClock } from 'rm-reflector/program';
import { workerOf } from './configuration/workers.ts';
import { serverProgram } from './program/server-program.ts';
import { workerContext } from './program/workers.ts';

const input = new LineReader();
const isWorker = workerOf(process.env) !== null;
const status = await run(
  process.argv.slice(2),
  {
    environment: process.env,
    clock: systemClock,
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    ask: input.ask,
    ...(isWorker && workerContext()),
  },
  serverProgram,
);
input.close();
// The connection to its supervisor would keep a worker.
if (isWorker) process.exit(status);
process.exitCode = status;
