import { defaultDataFile } from '../configuration/data-file.ts';
import { optionName, type Setting, settings, variableName } from '../configuration/settings.ts';

function settingLines(setting: Setting): string {
  const option = `--${optionName(setting.key)}${setting.value && ` ${setting.value}`}`;
  const standard =
    setting.default === null || setting.default === false || Array.isArray(setting.default)
      ? ''
      : ` (${setting.default})`;
  return `  ${option.padEnd(28)} ${setting.help}${standard}`;
}

export function usage(environment: Readonly<Record<string, string | undefined>>): string {
  return `Usage: rm-reflector [serve] [OPTIONS]
       rm-reflector device add ID [--domain UUID] [--digest] [--password-file FILE] [--url URL] [--config FILE]
       rm-reflector device add ID [--domain UUID] --certificate [--issued-since DATE] [--url URL] [--config FILE]
       rm-reflector device add --from FILE [--output FILE] [--domain UUID] [--digest] | [--certificate …]
       rm-reflector device claim ID --domain UUID
       rm-reflector device passwd ID [--digest] [--password-file FILE] | --certificate [--issued-since DATE]
       rm-reflector device remove ID
       rm-reflector device show ID [--json]
       rm-reflector device list [--state online|offline|unclaimed] [--domain UUID] [--match TEXT] [--json]
       rm-reflector user add NAME [--admin] [--password-file FILE]
       rm-reflector user passwd NAME [--password-file FILE]
       rm-reflector user grant|revoke NAME DOMAIN
       rm-reflector user promote NAME
       rm-reflector user demote NAME [--force]
       rm-reflector user totp NAME [--remove]
       rm-reflector user logout NAME
       rm-reflector user remove NAME [--force]
       rm-reflector user list

The reflector takes the tunnels of devices, and gives users HTTP and TCP through them.

Passwords: read from --password-file (- is standard input), or generated and printed. Those of users have at least 10
characters and are not common.

Users: an administrator sees every device, a user those of the domains granted. totp makes log-ins ask for one-time
passwords (an authenticator app), logout ends all sessions and tokens. The last administrator is removed or demoted only with
--force.

Options of every command:
  --data FILE                  data file (${defaultDataFile(environment)}), or RM_REFLECTOR_DATA
  --help, --version

Options of serve:
  --config FILE                JSON file with these settings: ${settings.map(({ key }) => key).join(', ')}
${settings.map(settingLines).join('\n')}

Each of them can be given as a variable too, as in ${variableName('listen')}. The command line comes first, then the
variable, then the file.

device add prints the configuration for the agent of the device, with the password that it has made.

Options of device add:
  --url URL                    the address of the reflector for this agent (that of the reflector that ran last)
  --config FILE                write the configuration into this new file, mode 600, and do not print it
  --domain UUID                the domain that the agent is configured with (one for all, made at the first start)
  --certificate                no password: only a certificate of --client-ca proves this device
  --issued-since DATE          the certificates that count (those of up to a day ago, unless another device had the id)
  --from FILE                  all devices of a file (- is standard input), or none: a line each, ID [DOMAIN]; prints
                               ID, domain and password of each, with tabs between
  --output FILE                with --from: a new file, of mode 0600, for what would be printed
  --digest                     keep what Digest log-in needs, which is easier to guess from than what Basic needs

Exit status: 0 done, 1 not possible, 64 usage, 69 cannot listen, 74 data file, 78 configuration.
`;
}
