import { optionName, type Setting, settings, variableName } from '../configuration/settings.ts';
import type { Program, ProgramCommand, ServeOption } from './program.ts';

function settingLines([key, { type, default: initial, help }]: [string, Setting]): string {
  const option = `--${optionName(key)}${type.placeholder && ` ${type.placeholder}`}`;
  const standard = initial === null || initial === false || Array.isArray(initial) ? '' : ` (${initial})`;
  return `  ${option.padEnd(28)} ${help}${standard}`;
}

function serveOptionLine([option, { placeholder, help }]: [string, ServeOption]): string {
  return `  ${`--${option} ${placeholder}`.padEnd(28)} ${help}\n`;
}

/** The help of one command. */
export function commandUsage({ name }: Program, { usage, help }: ProgramCommand): string {
  return `Usage: ${name} ${usage}\n\n${help}\n\nOptions that every command has: see ${name} --help.\n`;
}

export function usage(
  { name, defaultFile, defaultData, keys, commands = {}, stores, serveOptions = {} }: Program,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const standard = defaultFile === null ? '' : ` (${defaultFile}, if there is one)`;
  return `Usage: ${name} [serve] [OPTIONS]
       ${name} device add ID [--domain DOMAIN] [--digest] [--password-file FILE] [--url URL] [--config FILE]
       ${name} device add ID [--domain DOMAIN] --certificate [--issued-since DATE] [--url URL] [--config FILE]
       ${name} device add --from FILE [--output FILE] [--domain DOMAIN] [--digest] | [--certificate …]
       ${name} device claim ID --domain DOMAIN
       ${name} device passwd ID [--digest] [--password-file FILE] | --certificate [--issued-since DATE]
       ${name} device remove ID
       ${name} device show ID [--json]
       ${name} device list [--state online|offline|unclaimed] [--domain DOMAIN] [--match TEXT] [--json]
       ${name} user add NAME [--admin] [--password-file FILE]
       ${name} user passwd NAME [--password-file FILE]
       ${name} user grant|revoke NAME DOMAIN
       ${name} user promote NAME
       ${name} user demote NAME [--force]
       ${name} user totp NAME [--remove]
       ${name} user logout NAME
       ${name} user remove NAME [--force]
       ${name} user list
${Object.values(commands)
  .map(({ usage }) => `       ${name} ${usage}\n`)
  .join('')}
The reflector accepts the tunnels of devices and gives users HTTP and TCP access through them.

Passwords are read from --password-file (- is standard input), or generated and printed. A user's password must have at least
10 characters and must not be a common one.

An administrator sees every device, a user the devices of the granted domains. totp makes log-ins ask for one-time passwords
(an authenticator app); logout ends all sessions and tokens. Removing or demoting the last administrator takes --force.

${Object.values(commands)
  .map(({ help }) => `${help}\n\n`)
  .join('')}Options of every command:
  --data FILE                  data file (${defaultData(environment)}), or ${variableName('data', name)}
${stores ? `  --store URL                  ${stores.help}, or ${variableName('store', name)}\n` : ''}  --help, --version

Options of serve:
  --config FILE                JSON file with these settings: ${[...Object.keys(settings), 'data', ...keys].join(', ')}${standard}
${Object.entries(settings).map(settingLines).join('\n')}
${Object.entries(serveOptions).map(serveOptionLine).join('')}
You can also set each of them as an environment variable, such as ${variableName('listen', name)}. The command line wins over the
variable, and the variable over the file.

device add prints the configuration for the device's agent, with the generated password.

Options of device add:
  --url URL                    address of the reflector for this agent (that of the configuration, or of the reflector that last ran here)
  --config FILE                write the configuration to this new file, mode 600, instead of printing it
  --domain DOMAIN              domain of the device, such as acme (one UUID for all, generated at the first start)
  --certificate                no password: the device needs a certificate signed by --client-ca
  --issued-since DATE          accept certificates issued since then (a day before now, unless another device had the ID)
  --from FILE                  add all devices of a file (- is standard input), or none; a line is ID [DOMAIN]. Prints
                               ID, domain and password of each, separated by tabs
  --output FILE                with --from: write the list to this new file, mode 0600, instead of printing it
  --digest                     also store what Digest log-in needs, which is easier to guess from than the hash for Basic

Exit status: 0 done, 1 failed, 64 usage, 69 cannot listen, 74 data file, 78 configuration.
`;
}
