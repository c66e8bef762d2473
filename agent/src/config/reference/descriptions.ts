import { type Description, key } from './description.ts';
import { mqttKeys } from './mqtt.ts';

// What each key means, for people and their editors. None of this is part of the agent's executable.

/** A rule of access: that of all services, or of one. */
function accessRule(path: string, meaning: string): Record<string, Description> {
  return {
    [path]: key(meaning, '{ "mode": "consent", "ask": "/usr/bin/ask-for-support" }'),
    [`${path}.mode`]: key(
      'When connections through the reflector are allowed: `always`, at weekly times (`window`), or when somebody at the device agrees (`consent`).',
      '"window"',
    ),
    [`${path}.windows`]: key(
      'The times of the week at which connections are allowed or, with `consent`, a question is asked at all. Local time of the device. While the clock is not set, all windows are closed.',
      '[ { "days": ["mon", "fri"], "from": "08:00", "to": "17:30" } ]',
    ),
    [`${path}.windows[]`]: key('One window of time.', '{ "from": "22:00", "to": "06:00" }'),
    [`${path}.windows[].days`]: key('The days on which the window begins.', '["sat", "sun"]'),
    [`${path}.windows[].days[]`]: key('One day.', '"mon"'),
    [`${path}.windows[].from`]: key('When the window begins.', '"22:00"'),
    [`${path}.windows[].to`]: key(
      'When the window ends; on the next day, if the time is not after `from`.',
      '"06:00"',
    ),
    [`${path}.closing`]: key(
      'What happens to open connections when the window closes: they `end`, or the agent `keep`s them until they end by themselves.',
      '"keep"',
    ),
    [`${path}.ask`]: key(
      'The program that asks, run without a shell: exit status 0 allows, any other refuses. `null`: only `rm-agent consent` answers.',
      '["/usr/bin/ask-for-support", "--led"]',
    ),
    [`${path}.ask[]`]: key('The program, then its arguments.', '"/usr/bin/ask-for-support"'),
    [`${path}.askTimeout`]: key('How long a question waits for an answer.', '30'),
    [`${path}.idle`]: key('An allowed session ends when no connection has been open for this time.', '600'),
    [`${path}.pause`]: key(
      'Time after a refusal, or a question without an answer, in which nobody is asked again.',
      '60',
    ),
  };
}

/** A proxy with its password apart from its URI, at this path. */
function proxyServer(path: string): Record<string, Description> {
  return {
    [`${path}.uri`]: key('The address of the proxy, without user and password.', '"http://proxy:3128"'),
    [`${path}.user`]: key('The user name at the proxy.', '"pump-7"'),
    [`${path}.password`]: key(
      'The password at the proxy: as text, or a file or variable that is read again for each connection.',
      '{ "file": "/etc/rm-proxy.secret" }',
    ),
    [`${path}.password.file`]: key(
      'A file with the secret; one line break at its end is ignored. Set its mode to 600.',
      '"/etc/rm-proxy.secret"',
    ),
    [`${path}.password.env`]: key('The environment variable that holds the secret.', '"PROXY_PASSWORD"'),
  };
}

/** By path; `[]` is any entry of a list, `*` any key of a map. `keys.test.ts` demands one for each key of the schema. */
export const descriptions: Readonly<Record<string, Description>> = {
  $schema: key('For editors; the agent ignores it.', '"./node_modules/rm-agent/rm-agent.schema.json"'),

  reflector: key(
    'The reflector to connect to, or a list. Each attempt tries them in order, the next one as soon as one fails. The path is that of the upgrade request.',
    '["https://remote.example.com/", "https://spare.example.net/"]',
  ),
  'reflector[]': key('One reflector.', '"https://remote.example.com/"'),

  addresses: key(
    'Fallback addresses of the reflector and of proxies, by host name in lower case, for networks with a broken name server. The agent dials them if the name server does not answer, or if the addresses it returns lead nowhere or to somebody else.',
    '{ "remote.example.com": ["203.0.113.7", "2001:db8::7"] }',
  ),
  'addresses.*': key('The addresses of one host.', '["203.0.113.7"]'),
  'addresses.*[]': key('One address.', '"203.0.113.7"'),

  upgrade: key('How the agent requests the WebSocket upgrade.', '{ "method": "POST" }'),
  'upgrade.method': key(
    'The method of the upgrade request. RFC 6455 requires `GET`; use `POST` for reflectors that accept only what the original agent sends.',
    '"POST"',
  ),

  device: key(
    'The identity of this device.',
    '{ "id": "pump-7", "domain": "7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11" }',
  ),
  'device.id': key(
    'Identifies the device at the reflector. Browsers reach the device at the host name that begins with it, so use letters, digits and `-`. `{ "file": … }` reads it from a file when the agent starts, as `${file:…}` does. `{ "command": … }` runs a program for each attempt to connect: the first line of its output counts.',
    '"pump-${nodeId}"',
  ),
  'device.id.command': key(
    'The program that prints the ID, and its arguments; no shell is involved. It has 10 seconds.',
    '["/usr/bin/serial-number", "--short"]',
  ),
  'device.id.command[]': key('The program, then its arguments.', '"/usr/bin/serial-number"'),
  'device.domain': key(
    'The domain (a UUID) that groups the devices of one owner. Required without `device.enroll`; with it, the server names the domain.',
    '"7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11"',
  ),
  'device.enroll': key(
    'The device gets its password from `rm-server` at its first contact, see server/enrolment.md. `{}`: without a key, so that it waits until somebody enters the code that `rm-agent status` shows. Needs `stateFile`. `null`: `device.password` counts.',
    '{ "key": { "file": "/etc/rm-agent.enroll" } }',
  ),
  'device.enroll.key': key(
    'The enrolment key: as text, or a file or variable. `null`: none.',
    '{ "file": "/etc/rm-agent.enroll" }',
  ),
  'device.enroll.key.file': key(
    'A file with the key; one line break at its end is ignored. Set its mode to 600.',
    '"/etc/rm-agent.enroll"',
  ),
  'device.enroll.key.env': key('The environment variable that holds the key.', '"RM_ENROLL"'),
  'device.enroll.credential': key(
    '`secret`: a password of the device’s own. `certificate`: a client certificate of the server’s authority, for a key that never leaves the device; the agent renews it.',
    '"certificate"',
  ),
  'device.enroll.hardware': key(
    'What names this hardware, so that a copy of its files elsewhere is noticed: text, such as `"${mac:eth0}"`, a file, or a program. Only a digest of it is sent. `null`: the serial number in the device tree, else `${nodeId}`, else `/etc/machine-id`.',
    '{ "file": "/sys/class/dmi/id/product_uuid" }',
  ),
  'device.enroll.hardware.command': key(
    'The program that prints it in one line, and its arguments; no shell is involved. It has 10 seconds.',
    '["/usr/bin/fuse-id"]',
  ),
  'device.enroll.hardware.command[]': key('The program, then its arguments.', '"/usr/bin/fuse-id"'),
  'device.password': key(
    'The password of the device: as text, or a file or variable that is read again for each connection.',
    '{ "file": "/etc/rm-agent.secret" }',
  ),
  'device.password.file': key(
    'A file with the secret; one line break at its end is ignored. Set its mode to 600.',
    '"/etc/rm-agent.secret"',
  ),
  'device.password.env': key('The environment variable that holds the secret.', '"RM_PASSWORD"'),
  'device.auth': key(
    'The authentication scheme: `basic` (RFC 7617), or `digest` (RFC 7616), which never sends the password over the network.',
    '"digest"',
  ),
  'device.name': key('The name shown to users of the reflector.', '"Pump 7"'),
  'device.version': key('The version of the firmware or application.', '"1.4.2"'),
  'device.tenant': key('The tenant, if the reflector has tenants.', '"3fd2e9a0-3c36-4d0c-8a4e-0a8f1a1c52a7"'),
  'device.properties': key(
    'Further properties that the reflector stores and shows. Names and values may have 8192 characters in total.',
    '{ "serial": "SN-1", "rack": 4, "uptime": { "command": "uptime" } }',
  ),
  'device.properties.*': key(
    'The value: text, a number, true or false, or the output of a program.',
    '"SN-1"',
  ),
  'device.properties.*.command': key(
    'The program whose standard output is the value. A string is split at spaces; an array has one argument per entry. No shell is involved.',
    '["cat", "/etc/serial no"]',
  ),
  'device.properties.*.command[]': key('The program, then its arguments.', '"/usr/bin/uptime"'),
  'device.propertiesInterval': key(
    'How often changed properties are sent while connected. 0: only when connecting.',
    '600',
  ),

  target: key('The host whose ports are forwarded: this device, or one behind it.', '"192.168.1.10"'),

  services: key(
    'The TCP ports that can be reached through the reflector. No other port can be reached.',
    '[ { "port": 80, "kind": "http" } ]',
  ),
  'services[]': key('One service.', '{ "port": 22, "kind": "ssh" }'),
  'services[].port': key(
    'The port under which the reflector and its users know the service. List each port once.',
    '80',
  ),
  'services[].kind': key(
    'The kind of service. The agent tells the reflector the port of the first service of each kind, except `tcp`. With `https` the agent speaks TLS to the service and plain text to the reflector. The default follows from `targetPort`, else `port`: 80 is `http`, 443 `https`, 22 `ssh`, 3389 `rdp`, 5900 `vnc`, any other `tcp`.',
    '"http"',
  ),
  'services[].path': key('The start page of the web interface; for `http` and `https` only.', '"/ui/"'),
  'services[].name': key('A name for the log and `rm-agent status`.', '"Web interface"'),
  'services[].target': key(
    'The host of the service, or a local (UNIX) socket as `unix:/PATH`. `null`: the host in `target`.',
    '"192.168.1.11"',
  ),
  'services[].targetPort': key('The port of the service on its host. `null`: the same as `port`.', '80'),
  'services[].tls': key(
    'TLS to a service of kind `https`. `null`: TLS 1.2 or later, without a check of the certificate.',
    '{ "verify": true, "ca": "/etc/camera.pem" }',
  ),
  'services[].tls.verify': key(
    '`true`: the certificate of the service must be signed by a trusted authority, be valid now, and have the right name.',
    'true',
  ),
  'services[].tls.name': key(
    'The name or address that the certificate must have. `null`: the host of the service, or `localhost` for a local socket.',
    '"camera.lan"',
  ),
  'services[].tls.ca': key(
    'The trusted authorities: a PEM file, or a directory of such files. `null`: those of the system.',
    '"/etc/camera.pem"',
  ),
  'services[].tls.cert': key(
    'The certificate (PEM) that the agent shows if the service asks for one. Read again for each connection, as is `key`.',
    '"/etc/rm-agent/service.pem"',
  ),
  'services[].tls.key': key(
    'The private key of `cert`. `null`: the key is in the same file as `cert`. Set its mode to 600 or 640.',
    '"/etc/rm-agent/service.key"',
  ),
  'services[].tls.pins': key(
    'The service must have one of these public keys, as in `tls.pins`. With `verify` set to `false`, only the pins decide.',
    '["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]',
  ),
  'services[].tls.pins[]': key('One pin.', '"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
  'services[].tls.minVersion': key(
    'The oldest TLS version that the agent accepts. 1.0 and 1.1 are broken: only for old devices that know no other, in a network that you trust. The tiny agent does not have them; `rm-agent check` says so.',
    '"1.3"',
  ),
  'services[].host': key(
    'The `Host` header that the service gets, if it accepts only names that it knows. `Origin`, `Referer` and `Destination` are changed to match. `null`: the name of the device at the reflector.',
    '"localhost:631"',
  ),
  'services[].forwarded': key(
    '`false`: the service gets no `X-Forwarded-*` headers, for services that refuse requests with them.',
    'false',
  ),
  'services[].headers': key(
    '`few` leaves out headers that browsers add to every request and small devices do not need. A request head then has less than 512 bytes.',
    '"few"',
  ),
  'services[].connections': key(
    'How many HTTP connections the service accepts at once. `null`: the reflector finds out.',
    '1',
  ),
  'services[].responseTimeout': key(
    'How long the service may take to begin its answer to an HTTP request, such as a firmware upload. `null`: the time-out of the reflector.',
    '600',
  ),
  ...accessRule('services[].access', 'The rule for this service, in place of `access`.'),

  tls: key('TLS to an `https:` reflector.', '{ "ca": "/etc/ssl/reflector.pem" }'),
  'tls.ca': key(
    'The trusted authorities: a PEM file, or a directory of such files. `null`: those of the system (see "TLS" above).',
    '"/etc/ssl/certs/ca-certificates.crt"',
  ),
  'tls.cert': key(
    'The certificate of the device, followed by those that sign it (PEM), which the agent shows if the reflector asks for one. Read again for each connection, as is `tls.key`.',
    '"/etc/rm-agent/device.pem"',
  ),
  'tls.key': key(
    'The private key of `tls.cert`: PEM, RSA or EC, without a passphrase. `null`: the key is in the same file as `tls.cert`. Set its mode to 600 or 640.',
    '"/etc/rm-agent/device.key"',
  ),
  'tls.pins': key(
    'Public keys, as SHA-256 of the SubjectPublicKeyInfo. The certificate of the reflector must have one of them before anything is sent. List future keys as well. Empty: any key with a trusted certificate.',
    '["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]',
  ),
  'tls.pins[]': key('One pin.', '"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
  'tls.pinMode': key(
    '`add`: the certificate must be trusted as well. `replace`: only the pins decide; signatures, names and dates do not count, so the certificate may be self-signed.',
    '"replace"',
  ),
  'tls.minVersion': key('The oldest TLS version that the agent accepts.', '"1.3"'),
  'tls.verify': key(
    '`false` accepts any certificate, so that anybody on the network path can pose as the reflector. The agent warns at each start.',
    'true',
  ),
  'tls.clock': key(
    '`build`: while the clock is before the build date of the agent, certificates are checked against the build date. `system`: always against the clock.',
    '"system"',
  ),

  proxy: key(
    'The proxy to use, or a list of routes that are tried in order. See "Proxies" above.',
    '["http://user:${env.PROXY_PASSWORD}@proxy:3128", "direct"]',
  ),
  ...proxyServer('proxy'),
  'proxy[]': key('One route: a proxy, `direct`, or `env`.', '"socks5h://10.0.0.1:1080"'),
  ...proxyServer('proxy[]'),

  timeouts: key('Time-outs.', '{ "keepAlive": 60 }'),
  'timeouts.connect': key('Time to connect to a local service or to the reflector.', '10'),
  'timeouts.local': key(
    'A connection that carries no data in either direction for this time is closed.',
    '7200',
  ),
  'timeouts.keepAlive': key(
    'After this time without a byte from the reflector, the agent sends a PING. The reflector may shorten or lengthen it.',
    '60',
  ),

  reconnect: key(
    'The random, exponentially growing delay between attempts to connect.',
    '{ "min": 1, "max": 900 }',
  ),
  'reconnect.min': key('The longest first delay.', '1'),
  'reconnect.max': key('The longest delay after many failures.', '900'),
  'reconnect.refusedMax': key(
    'The longest delay after the reflector or a proxy has refused the device (401, 403, 410, 451), which a quick retry would not change. At least `reconnect.max`. `null`: 3600, or `reconnect.max` if that is more.',
    '7200',
  ),

  limits: key(
    'Limits on the memory that peers can make the agent use. On a machine with less than 1 GiB, those that you leave out are smaller; see image/sizing.md.',
    '{ "windowBytes": 65536, "totalBytes": 2097152 }',
  ),
  'limits.windowBytes': key(
    'Data that may wait for one local reader. At least `limits.frameBytes`.',
    '65536',
  ),
  'limits.frameBytes': key(
    'The largest payload of one frame, if the reflector accepts more than the 2048 bytes of the original.',
    '16384',
  ),
  'limits.channels': key('Simultaneous connections.', '128'),
  'limits.totalBytes': key(
    'Data that may wait for all local readers together. At least `limits.windowBytes`.',
    '2097152',
  ),
  'limits.stallMs': key(
    'For a reflector without windows: how long one stalled local reader, such as an upload to slow flash, may hold up all others before its connection ends.',
    '5000',
  ),
  'limits.memoryBytes': key(
    'Memory of the whole agent, on the tiny runtime only. Beyond it, the agent logs a line and ends with status 71, so that the supervisor restarts it. At least twice `limits.totalBytes`. `null`: a quarter of the machine’s memory, at most 33554432, or twice `limits.totalBytes` if that is more.',
    '8388608',
  ),

  ...accessRule(
    'access',
    'When connections through the reflector are allowed, for all services without a rule of their own.',
  ),

  notify: key(
    'A program that the agent runs at each change of state.',
    '{ "command": "/usr/bin/rm-agent-state" }',
  ),
  'notify.command': key(
    'The program and its arguments; no shell is involved. Its environment describes the change in `RM_STATE`, `RM_PREVIOUS_STATE` and `RM_REASON`.',
    '["/usr/bin/led", "remote"]',
  ),
  'notify.command[]': key('The program, then its arguments.', '"/usr/bin/led"'),
  'notify.arguments': key(
    '`event`: the program gets the arguments of the original agent: `connected`, `disconnected`, or `error` and the reason. It does not run for other changes.',
    '"event"',
  ),
  'notify.timeout': key('Time after which the agent ends the program.', '5'),

  start: key(
    '`disabled`: the agent starts and stays off line until `rm-agent enable`. `onDemand`: it has no tunnel until `rm-agent open` or a message of MQTT asks for one. A choice saved by `enable --persist` or `disable --persist` wins.',
    '"onDemand"',
  ),
  onDemand: key('The tunnel on demand, with `"start": "onDemand"`.', '{ "idle": "10m" }'),
  'onDemand.idle': key('A tunnel without a connection in it is closed after this time.', '600'),
  'onDemand.longest': key('The longest time for which a tunnel may be asked for.', '3600'),

  ...mqttKeys,

  stateFile: key(
    'The file in which `rm-agent enable --persist` and `disable --persist` save the choice for the next start, and the agent what `device.enroll` has given it, with mode 600. Its directory must exist. The default is in `/var/lib/rm-agent` instead if that directory exists. `null`: no file.',
    '"/etc/rm-agent.state"',
  ),
  control: key(
    'The local socket for `rm-agent status`, `retry`, `enable`, `disable`, `open` and `consent`. Only the user of the agent and root can use it. The default is in `/run/rm-agent` or `/var/run/rm-agent` instead if that directory exists. `null`: no socket.',
    '"/var/run/rm-agent.sock"',
  ),

  log: key('What the agent logs, and where.', '{ "level": "warning", "to": "syslog" }'),
  'log.level': key('The least severe level that is logged.', '"debug"'),
  'log.priorities': key(
    'Whether lines on standard error begin with a priority such as `<6>`, for systemd. `auto`: if the journal reads them.',
    '"always"',
  ),
  'log.to': key(
    'Standard error, the system log, or a file.',
    '{ "file": "/var/log/rm-agent.log", "maxBytes": 65536 }',
  ),
  'log.to.file': key('The file to append to.', '"/var/log/rm-agent.log"'),
  'log.to.maxBytes': key(
    'The size at which the file is renamed to `<file>.1`, which replaces the previous one, and a new file is begun.',
    '65536',
  ),
};

/** The keys that only the file of a gateway has. */
export const gatewayDescriptions: Readonly<Record<'folder' | 'devices' | 'probe' | 'page', string>> = {
  folder: 'The folder with one JSON file a device, `NAME.json`. It is watched.',
  devices: 'The devices themselves, instead of a folder.',
  page: 'The gateway’s own page, as a device of its own: `device` is its identity at the reflector. `users` are the users of the reflector who need no password of the page, by name. `listen` serves the page to the network of the gateway, too, by HTTP without TLS.',
  probe: 'Every so often the gateway looks whether each target accepts a connection; 0: never.',
};
