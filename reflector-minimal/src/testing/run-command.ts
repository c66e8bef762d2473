import type { Program } from '../command-line/program.ts';
import { run } from '../command-line/run.ts';
import { systemClock } from '../system-clock.ts';

/** Runs a command of a program in this process, without a terminal: its exit status and what it prints. */
export async function runCommand(
  program: Program,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let [out, err] = ['', ''];
  const context = {
    environment,
    clock: systemClock,
    print: (text: string) => {
      out += text;
    },
    printError: (text: string) => {
      err += text;
    },
    ask: async () => null,
  };
  const status = await run(args, context, program);
  return { status, out, err };
}
