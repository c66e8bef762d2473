import { type Description, key } from './description.ts';

/** The topic of something; `null` leaves it out. */
const topic = (path: string, what: string, example: string) => ({
  [`${path}.topic`]: key(
    `The topic of ${what}. \`{prefix}\`, \`{domain}\` and \`{device}\` are filled in. \`null\`: none.`,
    JSON.stringify(example),
  ),
});

const payload = (path: string, placeholders: string, example: object) => ({
  [`${path}.payload`]: key(
    `The members of the message, which is a JSON object; a name with dots is nested. A text that is one placeholder alone has its type, and is left out where there is no value: ${placeholders}.`,
    JSON.stringify(example),
  ),
  [`${path}.payload.*`]: key('The value of one member.', '"{state}"'),
});

const words = (path: string, example: object) => ({
  [`${path}.words`]: key('Other words for the states, by our own.', JSON.stringify(example)),
  [`${path}.words.*`]: key('The word for one state.', '"up"'),
});

/** The key `mqtt` and what is in it. */
export const mqttKeys: Readonly<Record<string, Description>> = {
  mqtt: key(
    'The MQTT broker at which the device tells its status, and takes commands to open the tunnel: see [mqtt.md](mqtt.md). `null`: none.',
    '{ "broker": "mqtts://broker.example.com", "user": "pump-7", "password": { "file": "/etc/rm-mqtt.secret" } }',
  ),
  'mqtt.broker': key(
    'The broker, or a list that is tried in order. Ports are 1883 and 8883 (`mqtts`), and those of HTTP for WebSocket, whose path is `/mqtt` unless given.',
    '"mqtts://broker.example.com"',
  ),
  'mqtt.broker[]': key('One broker.', '"wss://broker.example.com/mqtt"'),
  'mqtt.version': key('The version of MQTT.', '"3.1.1"'),
  'mqtt.clientId': key(
    'The client ID, by which the broker knows the session. `null`: `rm-agent-ID@DOMAIN`.',
    '"pump-7-access"',
  ),
  'mqtt.user': key('The user name at the broker. `null`: none.', '"pump-7"'),
  'mqtt.password': key(
    'The password at the broker: as text, or a file or variable that is read again for each connection.',
    '{ "file": "/etc/rm-mqtt.secret" }',
  ),
  'mqtt.password.file': key(
    'A file with the secret; one line break at its end is ignored. Set its mode to 600.',
    '"/etc/rm-mqtt.secret"',
  ),
  'mqtt.password.env': key('The environment variable that holds the secret.', '"MQTT_PASSWORD"'),
  'mqtt.tls': key(
    'TLS towards the broker, with the same keys as `tls`. `null`: as `tls` says, but without its pins.',
    '{ "ca": "/etc/broker-ca.pem" }',
  ),
  'mqtt.tls.ca': key(
    'The authorities that may sign its certificate: a PEM file, or a directory of them.',
    '"/etc/broker-ca.pem"',
  ),
  'mqtt.tls.cert': key(
    'The certificate that the device shows, with its chain: a PEM file.',
    '"/etc/device.pem"',
  ),
  'mqtt.tls.key': key('Its private key; `null`: in the same file.', '"/etc/device.key"'),
  'mqtt.tls.pins': key('Public keys of the broker, as for `tls.pins`.', '[]'),
  'mqtt.tls.pins[]': key('One pin.', '"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
  'mqtt.tls.pinMode': key('`add` to the authorities, or `replace` them.', '"add"'),
  'mqtt.tls.minVersion': key('The oldest TLS version that the agent accepts.', '"1.3"'),
  'mqtt.tls.verify': key('`false` accepts any certificate.', 'true'),
  'mqtt.tls.clock': key('What validity dates are checked against, as for `tls.clock`.', '"system"'),
  'mqtt.keepAlive': key(
    'The broker is asked for a sign of life after three quarters of this time, and publishes the will after one and a half times. A broker of MQTT 5 may demand another time.',
    '30',
  ),
  'mqtt.session': key(
    'For how long the broker keeps commands for a device that is away. 0: not at all. With MQTT 3.1.1 any other value means as long as the broker likes.',
    '3600',
  ),
  'mqtt.prefix': key('What the topics begin with: `{prefix}`.', '"site/remote"'),
  'mqtt.status': key('The retained status.', '{ "topic": "site/{device}/access" }'),
  ...topic('mqtt.status', 'the status', 'site/{device}/access'),
  ...payload(
    'mqtt.status',
    '`{state}` (`online`, `offline`), `{boot}`, `{seq}`, `{tunnel}`, `{until}`, `{version}`',
    {
      status: '{state}',
    },
  ),
  ...words('mqtt.status', { online: 'up', offline: 'down' }),
  'mqtt.properties': key('The retained properties of the device.', '{ "topic": null }'),
  ...topic('mqtt.properties', 'the properties', 'site/{device}/properties'),
  'mqtt.command': key('The commands to open the tunnel.', '{ "timeout": 30 }'),
  ...topic(
    'mqtt.command',
    'commands, with `{id}` where its level names the command',
    'site/{device}/open/{id}',
  ),
  'mqtt.command.match': key(
    'What a message must hold to be a command, by member; a name with dots is nested. Others are left alone.',
    '{ "execution.jobDocument.operation": "tunnel" }',
  ),
  'mqtt.command.match.*': key('The value of one member, as text.', '"init"'),
  'mqtt.command.id': key(
    'The member with the identifier of the command. `null`: the topic has it.',
    '"execution.jobId"',
  ),
  'mqtt.command.until': key(
    'The member with the time at which the tunnel closes: text as in RFC 3339, or seconds since 1970.',
    '"execution.jobDocument.until"',
  ),
  'mqtt.command.duration': key('The member with the seconds after which it closes, instead.', '"seconds"'),
  'mqtt.command.timeout': key('Time after which a command fails whose tunnel has not come about.', '30'),
  'mqtt.report': key('What the agent publishes of a command.', '{ "retain": false }'),
  ...topic('mqtt.report', 'reports, with `{id}`', 'site/{device}/opened/{id}'),
  ...payload(
    'mqtt.report',
    '`{state}` (`executing`, `successful`, `failed`), `{reason}`, `{id}`, `{until}`, `{boot}`',
    {
      status: '{state}',
      'statusDetails.reason': '{reason}',
    },
  ),
  ...words('mqtt.report', { executing: 'IN_PROGRESS', successful: 'SUCCEEDED', failed: 'FAILED' }),
  'mqtt.report.retain': key(
    'Whether the broker keeps the last report, so that the next start of the agent finds what it has begun.',
    'false',
  ),
};
