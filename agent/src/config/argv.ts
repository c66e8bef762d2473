/** Program and arguments of a command. Text is split at spaces, because no shell reads it. */
export function argvOf(command: string | readonly string[]): [string, ...string[]] {
  const [program = '', ...rest] =
    typeof command === 'string' ? command.split(' ').filter((word) => word !== '') : command;
  return [program, ...rest];
}
