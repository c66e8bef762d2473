import type { Command } from './command-line.ts';

/** Commands for the running agent. */
export type ControlCommand = Extract<
  Command,
  { readonly name: 'status' | 'retry' | 'enable' | 'disable' | 'open' | 'consent' }
>;

/** The line that the control socket takes. */
export function controlLine(command: ControlCommand): string {
  const { name } = command;
  if (name === 'enable' || name === 'disable') return command.persist ? `${name} persist` : name;
  if (name === 'open') return command.seconds === null ? name : `${name} ${command.seconds}`;
  if (name !== 'consent') return name;
  return `consent ${command.word}${command.port === null ? '' : ` ${command.port}`}`;
}
