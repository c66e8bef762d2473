/** What a key means, for people and their editors. None of this is part of the agent's executable. */
export interface Description {
  readonly text: string;
  /** As it stands in the file. */
  readonly example: string;
}

function key(text: string, example: string): Description {
  return { text, example };
}

/** A rule of access: that of all services, or of one. */
function accessRule(path: string, meaning: string): Record<string, Description> {
  return {
    [path]: key(meaning, '{ "mode": "consent", "ask": "/usr/bin/ask-for-support" }'),
    [`${path}.mode`]: key(
      'When connections through the reflector are let in: `always`, in weekly times (`window`), or when somebody at the device agrees (`consent`).',
      '"window"',
    ),
    [`${path}.windows`]: key(
      'The times of the week when they are let in or, with `consent`, asked for at all. Local time of the device. While the clock is not set, none is open.',
      '[ { "days": ["mon", "fri"], "from": "08:00", "to": "17:30" } ]',
    ),
    [`${path}.windows[]`]: key('One time.', '{ "from": "22:00", "to": "06:00" }'),
    [`${path}.windows[].days`]: key('The days on which it begins.', '["sat", "sun"]'),
    [`${path}.windows[].days[]`]: key('One day.', '"mon"'),
    [`${path}.windows[].from`]: key('When it begins.', '"22:00"'),
    [`${path}.windows[].to`]: key('When it ends: on the next day, if that is not after `from`.', '"06:00"'),
    [`${path}.closing`]: key(
      'What becomes of open connections when the time is over: they `end`, or one may `keep` them.',
      '"keep"',
    ),
    [`${path}.ask`]: key(
      'The program that asks, without a shell: status 0 allows, any other refuses. `null`: `rm-agent consent allow` alone does.',
      '["/usr/bin/ask-for-support", "--led"]',
    ),
    [`${path}.ask[]`]: key('The program, then its arguments.', '"/usr/bin/ask-for-support"'),
    [`${path}.askTimeout`]: key('How long a question waits for its answer.', '30'),
    [`${path}.idle`]: key('What was allowed holds until no connection has been open for so long.', '600'),
    [`${path}.pause`]: key(
      'After a refusal, or a question that nobody answered, nobody is asked again for so long.',
      '60',
    ),
  };
}

/** A proxy with its password apart from its URI, at this path. */
function proxyServer(path: string): Record<string, Description> {
  return {
    [`${path}.uri`]: key('The proxy, without user and password.', '"http://proxy:3128"'),
    [`${path}.user`]: key('The user at the proxy.', '"pump-7"'),
    [`${path}.password`]: key(
      'The password at the proxy: text, or where it is read anew for each connection.',
      '{ "file": "/etc/rm-proxy.secret" }',
    ),
    [`${path}.password.file`]: key(
      'A file with the secret; one line break at its end does not count. Its mode should be 600.',
      '"/etc/rm-proxy.secret"',
    ),
    [`${path}.password.env`]: key('The environment variable that holds the secret.', '"PROXY_PASSWORD"'),
  };
}

/** By path; `[]` is any entry of a list, `*` any key of a map. `keys.test.ts` demands one for each key of the schema. */
export const descriptions: Readonly<Record<string, Description>> = {
  $schema: key('For editors; the agent ignores it.', '"./node_modules/rm-agent/rm-agent.schema.json"'),

  reflector: key(
    'The reflector to connect to, or several. Each attempt tries them in their order, the next at once when one has failed. The path is that of the upgrade request.',
    '["https://remote.example.com/", "https://spare.example.net/"]',
  ),
  'reflector[]': key('One reflector.', '"https://remote.example.com/"'),

  addresses: key(
    'Addresses of hosts, by name in lower case, for networks with a broken name server: dialled when the name server has no answer, or when nobody, or somebody else, is at the addresses that it gives. For the reflector and for proxies.',
    '{ "remote.example.com": ["203.0.113.7", "2001:db8::7"] }',
  ),
  'addresses.*': key('The addresses of one host.', '["203.0.113.7"]'),
  'addresses.*[]': key('One address.', '"203.0.113.7"'),

  upgrade: key('How the WebSocket upgrade is requested.', '{ "method": "POST" }'),
  'upgrade.method': key(
    'The method of the upgrade request. RFC 6455 demands `GET`; `POST` is for reflectors that accept only what the original agent sends.',
    '"POST"',
  ),

  device: key('Who this device is.', '{ "id": "pump-7", "domain": "7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11" }'),
  'device.id': key(
    'Identifies the device at the reflector, and is the first label of the host name by which browsers reach it; it should be letters, digits and `-`. `{ "file": … }` reads it from a file when the agent starts, as `${file:…}` does.',
    '"pump-${nodeId}"',
  ),
  'device.domain': key(
    'The domain (a UUID) that groups the devices of one owner.',
    '"7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11"',
  ),
  'device.password': key(
    'The password of the device: text, or where it is read anew for each connection.',
    '{ "file": "/etc/rm-agent.secret" }',
  ),
  'device.password.file': key(
    'A file with the secret; one line break at its end does not count. Its mode should be 600.',
    '"/etc/rm-agent.secret"',
  ),
  'device.password.env': key('The environment variable that holds the secret.', '"RM_PASSWORD"'),
  'device.auth': key(
    'The authentication scheme: `basic` (RFC 7617), or `digest` (RFC 7616), with which the password never crosses the network.',
    '"digest"',
  ),
  'device.name': key('The name shown to users of the reflector.', '"Pump 7"'),
  'device.version': key('The version of the firmware or application.', '"1.4.2"'),
  'device.tenant': key(
    'The tenant, where the reflector knows tenants.',
    '"3fd2e9a0-3c36-4d0c-8a4e-0a8f1a1c52a7"',
  ),
  'device.properties': key(
    'Further properties that the reflector stores and shows. Names and values together have at most 8192 characters.',
    '{ "serial": "SN-1", "rack": 4, "uptime": { "command": "uptime" } }',
  ),
  'device.properties.*': key(
    'The value: text, a number, true or false, or the output of a program.',
    '"SN-1"',
  ),
  'device.properties.*.command': key(
    'The program whose standard output is the value. A string is split on spaces; an array has one argument an entry. No shell is involved.',
    '["cat", "/etc/serial no"]',
  ),
  'device.properties.*.command[]': key('The program, then its arguments.', '"/usr/bin/uptime"'),
  'device.propertiesInterval': key(
    'How often changed properties are sent while connected; 0: only when connecting.',
    '600',
  ),

  target: key('The host whose ports are forwarded: this device itself, or one behind it.', '"192.168.1.10"'),

  services: key(
    'The TCP ports that can be reached through the reflector. No other port can.',
    '[ { "port": 80, "kind": "http" } ]',
  ),
  'services[]': key('One service.', '{ "port": 22, "kind": "ssh" }'),
  'services[].port': key(
    'The port by which the reflector and its users know the service. Each is listed once.',
    '80',
  ),
  'services[].kind': key(
    'What speaks there. The reflector is told the port of the first service of each kind, except `tcp`, and offers what fits it. With `https` the agent speaks TLS to the service, and the reflector gets plain text. Without `kind`, port 80 (`targetPort`, else `port`) is `http`, 443 `https`, 22 `ssh`, 3389 `rdp`, 5900 `vnc`, and any other `tcp`.',
    '"http"',
  ),
  'services[].path': key('Where the web interface starts; for `http` and `https` only.', '"/ui/"'),
  'services[].name': key('A name for the log and `rm-agent status`.', '"Web interface"'),
  'services[].target': key(
    'Where the service is: a host, or a local (UNIX) socket as `unix:/PATH`. `null`: the host `target`.',
    '"192.168.1.11"',
  ),
  'services[].targetPort': key('The port of the service on its host. `null`: `port`.', '80'),
  'services[].tls': key(
    'TLS towards a service of kind `https`. `null`: TLS 1.2 or later, and its certificate is not checked.',
    '{ "verify": true, "ca": "/etc/camera.pem" }',
  ),
  'services[].tls.verify': key(
    'Whether the certificate of the service must be signed by a trusted authority, be valid now, and have its name.',
    'true',
  ),
  'services[].tls.name': key(
    'The name or address that the certificate must have. `null`: the host of the service, `localhost` for a local socket.',
    '"camera.lan"',
  ),
  'services[].tls.ca': key(
    'The certificates that are trusted: a PEM file, or a directory of them. `null`: those of the system.',
    '"/etc/camera.pem"',
  ),
  'services[].tls.cert': key(
    'The certificate that the agent shows to the service, where that asks for one (PEM). Read anew for each connection, as is `key`.',
    '"/etc/rm-agent/service.pem"',
  ),
  'services[].tls.key': key(
    'The private key of `cert`. `null`: it is in the file of `cert`. Its mode should be 600 or 640.',
    '"/etc/rm-agent/service.key"',
  ),
  'services[].tls.pins': key(
    'Public keys of which the service must have one, as in `tls.pins`. With `verify` false they alone decide.',
    '["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]',
  ),
  'services[].tls.pins[]': key('One pin.', '"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
  'services[].tls.minVersion': key('The oldest version of TLS that is accepted.', '"1.3"'),
  'services[].host': key(
    'What the service gets as `Host`, for one that accepts only names that it knows. `Origin`, `Referer` and `Destination` are changed to match. `null`: the name of the device at the reflector.',
    '"localhost:631"',
  ),
  'services[].forwarded': key(
    '`false`: the service gets no `X-Forwarded-*`, for one that refuses requests with them.',
    'false',
  ),
  'services[].headers': key(
    '`few` leaves out what browsers add to every request and small devices do not need. A head then has less than 512 bytes.',
    '"few"',
  ),
  'services[].connections': key(
    'How many HTTP connections the service takes at once. `null`: the reflector finds out.',
    '1',
  ),
  'services[].responseTimeout': key(
    'How long the service may take to begin its answer to an HTTP request, such as a firmware upload. `null`: as long as the reflector waits for every device.',
    '600',
  ),
  ...accessRule('services[].access', 'The rule of this service, in the place of `access`.'),

  tls: key('TLS towards an `https:` reflector.', '{ "ca": "/etc/ssl/reflector.pem" }'),
  'tls.ca': key(
    'The certificates that are trusted: a PEM file, or a directory of them. `null`: those of the system (see above).',
    '"/etc/ssl/certs/ca-certificates.crt"',
  ),
  'tls.cert': key(
    'The certificate of the device and those that sign it (PEM, the device first), where the reflector asks for one. Read anew for each connection, as is `tls.key`.',
    '"/etc/rm-agent/device.pem"',
  ),
  'tls.key': key(
    'The private key of `tls.cert`: PEM, RSA or EC, without passphrase. `null`: it is in the file of `tls.cert`. Its mode should be 600 or 640.',
    '"/etc/rm-agent/device.key"',
  ),
  'tls.pins': key(
    'Public keys (SHA-256 of the SubjectPublicKeyInfo) of which the certificate of the reflector must have one, before anything is sent. More than one: the next keys. Empty: any key with a trusted certificate.',
    '["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]',
  ),
  'tls.pins[]': key('One pin.', '"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
  'tls.pinMode': key(
    '`add`: the certificate must be trusted as well. `replace`: the pins alone decide; who signed the certificate, its names and its dates do not count, so it may be self-signed.',
    '"replace"',
  ),
  'tls.minVersion': key('The oldest version of TLS that is accepted.', '"1.3"'),
  'tls.verify': key(
    '`false` accepts any certificate: anybody on the way can then pose as the reflector. Each start warns of it.',
    'true',
  ),
  'tls.clock': key(
    '`build`: while the clock is before the day on which the agent was built, dates of certificates are judged by that day. `system`: always by the clock.',
    '"system"',
  ),

  proxy: key(
    'The proxy on the way to the reflector, or several ways, which are tried in their order. See "Proxies" above.',
    '["http://user:${env.PROXY_PASSWORD}@proxy:3128", "direct"]',
  ),
  ...proxyServer('proxy'),
  'proxy[]': key('One way: a proxy, `direct`, or `env`.', '"socks5h://10.0.0.1:1080"'),
  ...proxyServer('proxy[]'),

  timeouts: key('How long things may take.', '{ "keepAlive": 60 }'),
  'timeouts.connect': key('For connecting, to a local service and to the reflector.', '10'),
  'timeouts.local': key(
    'A connection that carries nothing for so long, in either direction, is closed.',
    '7200',
  ),
  'timeouts.keepAlive': key(
    'After so long without a byte from the reflector the agent sends a PING. The reflector may shorten or lengthen it.',
    '60',
  ),

  reconnect: key(
    'The random, exponentially growing delay before the next attempt to connect.',
    '{ "min": 1, "max": 900 }',
  ),
  'reconnect.min': key('The upper end of the first delay.', '1'),
  'reconnect.max': key('The upper end of the last delay.', '900'),
  'reconnect.refusedMax': key(
    'The same where the reflector or a proxy has refused (401, 403, 410, 451): asking again soon would not change its mind. At least `reconnect.max`; `null`: 3600, or `reconnect.max` where that is more.',
    '7200',
  ),

  limits: key(
    'Bounds on the memory that peers can make the agent use.',
    '{ "windowBytes": 65536, "totalBytes": 2097152 }',
  ),
  'limits.windowBytes': key(
    'What waits for one local reader, at most. At least `limits.frameBytes`.',
    '65536',
  ),
  'limits.frameBytes': key(
    'The largest payload of one frame, where the reflector can take more than the 2048 of the original.',
    '16384',
  ),
  'limits.channels': key('Connections at the same time.', '128'),
  'limits.totalBytes': key(
    'What waits for all local readers together, at most. At least `limits.windowBytes`.',
    '2097152',
  ),
  'limits.stallMs': key(
    'With a reflector that has no windows: how long one local reader that is behind and takes nothing, such as an upload to slow flash, may hold up all others before its connection ends.',
    '5000',
  ),
  'limits.memoryBytes': key(
    'What the whole agent may hold, on the tiny runtime only: one byte more ends it with status 71 and a line in the log, for the supervisor to start it anew. At least twice `limits.totalBytes`; `null`: 33554432, or twice `limits.totalBytes` where that is more.',
    '8388608',
  ),

  ...accessRule(
    'access',
    'When connections through the reflector are let in, to all services without a rule of their own.',
  ),

  notify: key('A program that is run at each change of state.', '{ "command": "/usr/bin/rm-agent-state" }'),
  'notify.command': key(
    'The program and its arguments; no shell is involved. `RM_STATE`, `RM_PREVIOUS_STATE` and `RM_REASON` in its environment tell the change.',
    '["/usr/bin/led", "remote"]',
  ),
  'notify.command[]': key('The program, then its arguments.', '"/usr/bin/led"'),
  'notify.arguments': key(
    '`event`: the program gets further arguments, as from the original agent: `connected`, `disconnected`, or `error` and the reason. It is then not run for other changes.',
    '"event"',
  ),
  'notify.timeout': key('After so long the program is ended.', '5'),

  start: key(
    '`disabled`: the agent starts, and stays off line until `rm-agent enable`. What `enable --persist` and `disable --persist` have left counts more.',
    '"disabled"',
  ),
  stateFile: key(
    'Where `rm-agent enable --persist` and `disable --persist` keep their word for the next start; nothing else is written there. Its directory must exist. `null`: nowhere.',
    '"/etc/rm-agent.state"',
  ),
  control: key(
    'The local socket for `rm-agent status`, `retry`, `enable`, `disable` and `consent`; only the user that runs the agent, and root, can use it. `null`: none.',
    '"/var/run/rm-agent.sock"',
  ),

  log: key('What is logged, and where.', '{ "level": "warning", "to": "syslog" }'),
  'log.level': key('The least severe messages that are logged.', '"debug"'),
  'log.priorities': key(
    'Whether a line on standard error begins with its priority, as `<6>`, for systemd: `auto` when the journal reads it.',
    '"always"',
  ),
  'log.to': key(
    'Standard error, the system log, or a file.',
    '{ "file": "/var/log/rm-agent.log", "maxBytes": 65536 }',
  ),
  'log.to.file': key('The file to append to.', '"/var/log/rm-agent.log"'),
  'log.to.maxBytes': key(
    'The size at which the file becomes `<file>.1`, in place of the one before, and a new one is begun.',
    '65536',
  ),
};
