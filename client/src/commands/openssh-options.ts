import { ExitStatus, Failure } from '../failure.ts';

/** Options of ssh(1), scp(1) and sftp(1) that take a value, in OpenSSH 5 to 10. */
const takingValue: Readonly<Record<string, string>> = {
  ssh: 'BbcDEeFIiJLlmOoPpQRSWw',
  scp: 'cDFiJloPSX',
  sftp: 'BbcDFiJloPRSsX',
};

export interface SplitArguments {
  /** Our options, for `parseArgs`. */
  readonly ours: readonly string[];
  /** Options of the program, before the device. */
  readonly theirs: readonly string[];
  /** `undefined`: there is none. */
  readonly destination: string | undefined;
  /** All arguments after the device. */
  readonly rest: readonly string[];
}

/**
 * Separates our options before the device from those of an OpenSSH program: ours are the long ones, and `-R` with a plain
 * port number. `--` ends both. Arguments after the device stay in place. Throws a {@link Failure} for an unknown long
 * option, since OpenSSH has none.
 */
export function splitArguments(
  program: string,
  args: readonly string[],
  ourOptions: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>,
): SplitArguments {
  const ours: string[] = [];
  const theirs: string[] = [];
  let at = 0;
  for (let arg = args[at]; arg !== undefined && /^-./s.test(arg); arg = args[at]) {
    at++;
    if (arg === '--') break;
    if (arg.startsWith('--')) {
      const [name = '', value] = arg.slice(2).split('=', 2);
      const option = Object.hasOwn(ourOptions, name) ? ourOptions[name] : undefined;
      if (!option) throw unknown(arg);
      ours.push(arg);
      if (option.type === 'string' && value === undefined) ours.push(...args.slice(at, ++at));
    } else if (/^-R\d*$/.test(arg) && /^\d+$/.test(arg.slice(2) || (args[at] ?? ''))) {
      ours.push(...(arg === '-R' ? ['-R', args[at++] ?? ''] : ['-R', arg.slice(2)]));
    } else {
      theirs.push(arg);
      if (wantsNext(program, arg)) theirs.push(...args.slice(at, ++at));
    }
  }
  return { ours, theirs, destination: args[at], rest: args.slice(at + 1) };
}

/** Whether the next argument is the value of this option: `-vp 22`, and not `-vp22`. */
function wantsNext(program: string, arg: string): boolean {
  const letters = takingValue[program] ?? '';
  const first = [...arg.slice(1)].findIndex((letter) => letters.includes(letter));
  return first >= 0 && first === arg.length - 2;
}

function unknown(option: string): Failure {
  return new Failure(`${option}: neither an option of rm-client nor of OpenSSH`, ExitStatus.usage);
}
