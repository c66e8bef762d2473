// Compiles C files into a static library.
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { eachOf, run } from './subprocess.mjs';

/** Processes that compile at the same time. */
export const jobs = Number(process.env.RM_AGENT_JOBS) || availableParallelism();

/** For every target: small code, each function in a section of its own, nothing that names this machine. */
export const commonFlags = [
  '-std=gnu11',
  '-Os',
  '-ffunction-sections',
  '-fdata-sections',
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  '-fno-stack-protector',
  '-fno-ident',
];

/**
 * For code whose size counts for more than its speed. Instructions that stay where the source has them, and registers that calls
 * do not save, repeat what is elsewhere: the code is as long, but compresses better.
 */
export const regularFlags = ['-fno-schedule-insns2', '-fno-caller-saves'];

/**
 * Compiles `files` into the library `output`, always with the same bytes for the same input.
 * @param {object} options
 * @param {import('./compilers.mjs').Compiler} options.compiler
 * @param {readonly string[]} options.flags
 * @param {(name: string) => readonly string[]} [options.flagsOf] further flags of one file, by its name
 * @param {readonly string[]} options.files their names, without folders, must differ
 * @param {string} options.output
 */
export async function compileLibrary({ compiler, flags, flagsOf = () => [], files, output }) {
  const folder = `${output}.objects`;
  mkdirSync(folder, { recursive: true });
  /** @param {string} file */
  const objectOf = (file) => join(folder, `${basename(file, '.c')}.o`);
  await eachOf(files, jobs, async (file) => {
    await run(compiler.cc, [...flags, ...flagsOf(basename(file)), '-c', file, '-o', objectOf(file)]);
  });
  await run(compiler.ar, ['rcsD', output, ...files.map(objectOf).sort()]);
  rmSync(folder, { recursive: true });
}
