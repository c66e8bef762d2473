import type { CommandContext } from '../command-line/command-context.ts';
import { ExitStatus, Failure } from '../failure.ts';

const options = '--reflector --user --ca --proxy --insecure --keep-alive --help';

/** Commands whose first operand is a device. */
const ofDevices = ['connect', 'forward', 'ssh', 'scp', 'sftp', 'vnc', 'rdp', 'web'];

/**
 * Devices are asked for only with a valid token, so that a key never leads to a question. What is no ID is left out: the reflector
 * says it, and a shell may run what it expands.
 */
const devices = `rm-client login --status >/dev/null 2>&1 && rm-client devices 2>/dev/null | awk 'NR > 1 && $1 ~ /^[a-z0-9][a-z0-9_-]*$/ { print $1 }'`;

/** The script that completes command lines, by shell. */
export function completionScript(shell: string, commands: readonly string[]): string | null {
  const all = commands.join(' ');
  if (shell === 'bash') {
    return `_rm_client() {
  local word=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "${all}" -- "$word"))
  elif [[ $word == -* ]]; then COMPREPLY=($(compgen -W "${options}" -- "$word"))
  elif [[ " ${ofDevices.join(' ')} " == *" $command "* ]]; then
    local device
    while IFS= read -r device; do
      if [[ $device == "$word"* ]]; then COMPREPLY+=("$device"); fi
    done < <(${devices})
  fi
}
complete -o default -F _rm_client rm-client
`;
  }
  if (shell === 'zsh') {
    return `#compdef rm-client
_rm_client() {
  if (( CURRENT == 2 )); then compadd -- ${all}
  elif [[ $words[CURRENT] == -* ]]; then compadd -- ${options}
  elif [[ " ${ofDevices.join(' ')} " == *" $words[2] "* ]]; then compadd -- \${(f)"$(${devices})"}
  fi
}
compdef _rm_client rm-client
`;
  }
  if (shell === 'fish') {
    return `complete -c rm-client -f -n __fish_use_subcommand -a '${all}'
complete -c rm-client -f -n '__fish_seen_subcommand_from ${ofDevices.join(' ')}' -a '(${devices.replaceAll("'", "\\'")})'
`;
  }
  return null;
}

/** `rm-client completion`: prints the script of a shell. */
export function completion(commands: readonly string[]) {
  return async (args: string[], context: CommandContext): Promise<number> => {
    const script = args.length === 1 ? completionScript(args[0] ?? '', commands) : null;
    if (script === null) throw new Failure('usage: rm-client completion bash|zsh|fish', ExitStatus.usage);
    context.print(script);
    return ExitStatus.ok;
  };
}
