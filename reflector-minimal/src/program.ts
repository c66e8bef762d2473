/** The command line of the reflector, for a bigger program that is built on it. */
export { columns } from './command-line/columns.ts';
export type { CommandContext } from './command-line/command-context.ts';
export { CommandError, ExitStatus } from './command-line/exit.ts';
export { LineReader } from './command-line/line-reader.ts';
export type {
  Additions,
  AdditionsContext,
  CommandPlace,
  OtherStores,
  Program,
  ProgramCommand,
  ServeOption,
  ServePlace,
  StoreSources,
} from './command-line/program.ts';
export { run } from './command-line/run.ts';
export { ConfigurationError } from './configuration/configuration.ts';
export { fileFault } from './file-fault.ts';
export { systemClock } from './system-clock.ts';
