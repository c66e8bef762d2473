const shared = `
Options of every command that asks the reflector:
  --reflector URL   https://HOST[:PORT] of the reflector (RM_REFLECTOR, or that of the last login)
  --user NAME       your name there (RM_USER); the password is in RM_PASSWORD, or asked for;
                    or RM_TOKEN has a token or an API key
  --ca FILE         PEM certificates to trust in the place of the system's; login remembers it
  --proxy URL       HTTP proxy to go through, or none (https_proxy, http_proxy, no_proxy)
  --insecure        do not check the reflector's certificate: anybody may listen in
  --keep-alive SECS silence before a PING (25); less than the time-out of proxies on the way
`;

const overview = `Usage: rm-client COMMAND [OPTIONS] …

Reaches TCP services of a device through the reflector.

  login [--status]                 get a token for your password, and keep it
  logout                           forget it, and revoke it at the reflector
  devices [--json]                 list the devices; with an action, as the next ones
  domains, users, groups, grants, keys, enroll, audit [ACTION]
                                   manage an rm-server
  web DEVICE                       open the browser at the device
  forward DEVICE -R PORT [-L PORT] lead a port of this machine to one of the device; forward -f FILE: several
  connect DEVICE:PORT              connect standard input and output, for ProxyCommand
  ssh [LOGIN@]DEVICE [ARGUMENTS]   start ssh, scp or sftp through the reflector
  scp [LOGIN@]DEVICE [ARGUMENTS]   in its arguments, :PATH is a path on the device
  sftp [LOGIN@]DEVICE [ARGUMENTS]
  vnc DEVICE [ARGUMENTS]           start a VNC viewer or a remote desktop
  rdp DEVICE [ARGUMENTS]
  completion bash|zsh|fish         print a script that completes command lines
${shared}
rm-client COMMAND --help tells more of a command; --version.

Exit status: 0 ended in order; 1 not connected, not let in, or broken off; 64 usage; 78 a file of rm-client or
certificates cannot be used; ssh, scp, sftp, vnc, rdp: that of the program, 127 if it is not installed.
`;

const programHelp = (
  command: string,
  port: string,
  how: string,
  order: string,
) => `Usage: rm-client ${command} [OPTIONS] ${how}
${order} The exit status is that of the program.

  -R, --remote-port PORT   port of the device (${port})
  --program FILE           what to start in the place of the usual program
  --reflector, --user, --ca, --proxy, --insecure, --keep-alive: see rm-client --help
`;

const secureShell = (command: string, how: string) =>
  programHelp(
    command,
    'the one that it advertises for SSH, or 22',
    `[LOGIN@]DEVICE ${how}

Starts the ${command} of OpenSSH with "rm-client connect" as its ProxyCommand: nothing listens on this machine. Host
keys are known under the name of the device.
`,
    `Options of rm-client come before DEVICE. Options of OpenSSH may come before or after it, except that -R before it is
the port of the device.`,
  );

const desktop = (command: string, port: number, what: string) =>
  programHelp(
    command,
    `the one that it advertises, or ${port}`,
    `DEVICE [ARGUMENTS]

Starts ${what} with a port on 127.0.0.1 that leads to the device, until it ends.
`,
    'Options of rm-client come before DEVICE; everything after it is passed on.',
  );

/** By command. */
const commands: Readonly<Record<string, string>> = {
  login: `Usage: rm-client login [OPTIONS]

Gets a token for your name and password, and keeps it in $XDG_CONFIG_HOME/rm-client/login.json (~/.config/…), which only
you can read. The other commands use it until it expires. Logins at several reflectors are kept beside each other.

  --status   only tell who is logged in, and until when; exit status 1: nobody
${shared}`,
  logout: `Usage: rm-client logout [--reflector URL]

Removes the token from this machine, and makes it void at the reflector.
`,
  forward: `Usage: rm-client forward DEVICE -R PORT [-L PORT] [-b ADDRESS] [-C COMMAND] [OPTIONS]
       rm-client forward -f FILE [-C COMMAND] [OPTIONS]

Listens until a signal; each connection goes to the device by itself. Everybody on this machine can use it.

  -R, --remote-port PORT   port of the device
  -L, --local-port PORT    port of this machine (0: any free one, which is printed)
  -b, --bind ADDRESS       where it listens (127.0.0.1); at another address, others can use it, too
  -f, --file FILE          several forwards, one a line: DEVICE -R PORT [-L PORT] [-b ADDRESS]; # begins a comment
  -C, --command COMMAND    run this by the shell and end with its status; %p is the port, %2p that of the second forward
${shared}`,
  web: `Usage: rm-client web DEVICE [--print] [--program FILE] [--reflector URL]

Opens the browser at the web interface of the device, where you log in.

  --print          only print the address
  --program FILE   what to start in the place of the system's browser
`,
  completion: `Usage: rm-client completion bash|zsh|fish

Prints a script for the shell: source <(rm-client completion bash). It completes commands, options, and while you are
logged in, devices.
`,
  connect: `Usage: rm-client connect DEVICE:PORT [OPTIONS]

Connects standard input and output to a port of the device, as nc -N does: the end of the input half-closes the
connection, which lasts until the device ends it too. For OpenSSH: ProxyCommand rm-client connect --kind ssh %h:%p

  --kind ssh|vnc|rdp   if the device does not forward the standard port of that service, use the one it advertises
${shared}`,
  ssh: secureShell('ssh', '[SSH-OPTIONS] [COMMAND]'),
  scp:
    secureShell('scp', '[SCP-OPTIONS] FROM… TO') +
    '\n:PATH is a path on the device: rm-client scp pump-7 :/var/log/syslog .\n',
  sftp: secureShell('sftp', '[SFTP-OPTIONS]'),
  vnc: desktop('vnc', 5900, 'a VNC viewer'),
  rdp: desktop('rdp', 3389, 'FreeRDP'),
};

/** The help of a command, or of all; each fits on one screen. */
export function usage(command: string | undefined): string {
  return (command !== undefined && Object.hasOwn(commands, command) && commands[command]) || overview;
}
