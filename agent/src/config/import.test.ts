import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configurationSchema } from './configuration.ts';
import { importProperties as importWith } from './import.ts';
import { problemsOf } from './load.ts';
import { type ImportFacts, parseProperties } from './properties-file.ts';
import { type Problem, validate } from './validate.ts';

const facts: ImportFacts = {
  platform: 'Linux/6.1.0; mips',
  directory: '/opt/remote/',
  dateMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  environment: (name) => ({ HOME: '/root', PWD: '/' })[name],
};

function importProperties(text: string) {
  return importWith(text, facts, problemsOf);
}

/** A file as the original's documentation lays it out, with most of its keys. */
const realistic = String.raw`
# Configuration of WebTunnelAgent
webtunnel.domain = 7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11
webtunnel.tenant = 3fd2e9a0-3c36-4d0c-8a4e-0a8f1a1c52a7
webtunnel.deviceId = c9eebed5-8705-4763-8822-\
${'${system.nodeId}'}
webtunnel.deviceName = Pump of ${'${system.nodeName}'}
webtunnel.deviceVersion: ${'${system.env.VERSION}'}
! the target
webtunnel.host = 192.168.1.10
webtunnel.ports = 443, 22; 5900,3389,502, 8080
webtunnel.httpPort = 443
webtunnel.httpPath = ui/
webtunnel.https.enable = true
webtunnel.sshPort = 22
webtunnel.vncPort = 5900
webtunnel.rdpPort = 3389
webtunnel.appPort = 502
webtunnel.reflectorURI = https://reflector.example.com
webtunnel.username = ${'${webtunnel.deviceId}@${webtunnel.domain}'}
webtunnel.password = s3cret
webtunnel.connectTimeout = 5
webtunnel.localTimeout = 3600
webtunnel.remoteTimeout = 900
webtunnel.threads = 4
webtunnel.properties.serial = SN-1
webtunnel.properties.uptime = ${'`uptime -p`'}
webtunnel.properties.load = ${"`uptime | awk '{print $10}'`"}
webtunnel.propertiesUpdateInterval = 60
webtunnel.status.notify = /usr/bin/led
http.timeout = 30
http.proxy.enable = true
http.proxy.host = proxy.example.com
http.proxy.port = 3128
http.proxy.username = us/er
http.proxy.password = p@ss:${'${system.env.PROXY}'}
tls.acceptUnknownCertificate = false
tls.ciphers = HIGH:!DSS:!aNULL@STRENGTH
tls.verification = strict
tls.minVersion = tlsv1_3
tls.extendedCertificateVerification = true
tls.caLocation = /etc/ssl/certs
tls.certificateFile = /etc/device.pem
tls.privateKeyFile = /etc/device.key
logging.loggers.root.level = information
logging.loggers.root.channel = file
logging.channels.console.class = ColorConsoleChannel
logging.channels.file.class = FileChannel
logging.channels.file.pattern = %Y-%m-%d %H:%M:%S.%i [%p] %s<%I>: %t
logging.channels.file.path = /var/log/agent.log
logging.channels.file.rotation = 100K
`;

function problems(text: string): readonly Problem[] {
  const result = validate(configurationSchema, importProperties(text).json, (source) =>
    source.replace(/\$\{[^}]*\}/g, '0'),
  );
  return 'problems' in result ? result.problems : [];
}

const identity = 'webtunnel.reflectorURI=http://r\nwebtunnel.deviceId=d\nwebtunnel.domain=e\n';

/** What these lines add to a minimal file. */
function imported(lines: string) {
  const { json, warnings } = importProperties(`${identity}webtunnel.ports=22\n${lines}`);
  const { reflector, device, services, ...rest } = json;
  return { device, services, rest, warnings };
}

describe('importProperties', () => {
  const { json, warnings } = importProperties(realistic);

  it('takes over what has a counterpart', () => {
    expect(json).toEqual({
      reflector: 'https://reflector.example.com',
      device: {
        id: 'c9eebed5-8705-4763-8822-${nodeId}',
        domain: '7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11',
        password: 's3cret',
        name: 'Pump of ${hostname}',
        version: '${env.VERSION}',
        tenant: '3fd2e9a0-3c36-4d0c-8a4e-0a8f1a1c52a7',
        properties: {
          serial: 'SN-1',
          uptime: { command: 'uptime -p' },
          load: { command: ['/bin/sh', '-c', "uptime | awk '{print $10}'"] },
        },
        propertiesInterval: 60,
      },
      target: '192.168.1.10',
      services: [
        { port: 443, kind: 'https', path: '/ui/', tls: { verify: true } },
        { port: 22, kind: 'ssh' },
        { port: 5900, kind: 'vnc' },
        { port: 3389, kind: 'rdp' },
        { port: 502, kind: 'app' },
        { port: 8080, kind: 'tcp' },
      ],
      tls: { ca: '/etc/ssl/certs', cert: '/etc/device.pem', key: '/etc/device.key', minVersion: '1.3' },
      notify: { command: ['/usr/bin/led'], arguments: 'event', timeout: 300 },
      proxy: 'http://us%2Fer:p%40ss%3A${env.PROXY}@proxy.example.com:3128',
      timeouts: { connect: 5, local: 3600, keepAlive: 900 },
      log: { level: 'info', to: { file: '/var/log/agent.log', maxBytes: 102_400 } },
    });
  });

  it('validates', () => {
    expect(problems(realistic)).toEqual([]);
  });

  it('lists everything else', () => {
    expect(warnings).toEqual([
      'webtunnel.password: taken over as text; better is a file of mode 600: "password": { "file": "/etc/rm-agent.secret" }',
      'webtunnel.properties.uptime: the value is the first line that the command prints; the original takes all lines, and those on standard error',
      'webtunnel.properties.load: the value is the first line that the command prints; the original takes all lines, and those on standard error',
      'webtunnel.properties.load: its command needs a shell, which is now named: ["/bin/sh", "-c", …]',
      'webtunnel.https.extendedCertificateVerification: the name in the certificate is checked as well; if it is not that of the host, give it as services[].tls.name',
      'http.proxy.password: the password is taken over as text in "proxy"; set the mode of the file to 600',
      'http.timeout: timeouts.connect, 5 s of webtunnel.connectTimeout, is for the reflector as well, left out',
      'webtunnel.threads: not needed, one event loop serves all channels, left out',
      'tls.ciphers: the TLS library offers only what is safe, left out',
      'logging.channels.console.class: the root logger does not use this channel, left out',
      'logging.channels.file.pattern: the form of a log line is fixed, left out',
    ]);
  });

  it('reports what the result still lacks', () => {
    expect(importProperties('').warnings).toEqual([
      'to be corrected in the result: reflector: missing, needed is http://HOST[:PORT][/PATH] or https://… or an array',
      'to be corrected in the result: device: missing, needed is { "id": …, "domain": … }',
      'to be corrected in the result: services: missing, needed is an array',
    ]);
    expect(imported('webtunnel.localTimeout=0').warnings).toEqual([
      'to be corrected in the result: timeouts.local: found 0, allowed is an integer from 1 to 604800 (seconds) or a duration such as "30s"',
    ]);
  });

  it.each<[string, object, string[]]>([
    [
      'tls.acceptUnknownCertificate=true',
      { tls: { verify: false } },
      ['tls.acceptUnknownCertificate: tls.verify is false: anybody on the way can pose as the reflector'],
    ],
    [
      'tls.verification=none',
      { tls: { verify: false } },
      ['tls.verification: tls.verify is false: anybody on the way can pose as the reflector'],
    ],
    ['tls.verification=relaxed', {}, []],
    ['tls.verification=lax', {}, ['tls.verification: "lax" is unknown; the certificate is verified']],
    [
      'tls.extendedCertificateVerification=false',
      {},
      [
        'tls.extendedCertificateVerification: false has no counterpart; the host name in the certificate is verified',
      ],
    ],
    [
      'tls.minVersion=tlsv1_1',
      { tls: { minVersion: '1.2' } },
      ['tls.minVersion: "tlsv1_1" has no counterpart; the oldest version is TLS 1.2'],
    ],
    ['tls.certificate=/c\ntls.privateKey=/k', { tls: { cert: '/c', key: '/k' } }, []],
    [
      'http.proxy.enable=false\nhttp.proxy.host=p\nhttp.proxy.username=',
      {},
      ['http.proxy.host: the proxy is off or its host is missing, left out'],
    ],
    ['http.proxy.enable=yes\nhttp.proxy.host=::1', { proxy: 'http://[::1]:80' }, []],
    [
      'webtunnel.username=pump',
      {},
      [
        'webtunnel.username: "pump" is not <deviceId>@<domain>, left out: the agent logs in as "d@e", by which the reflector has to know it',
      ],
    ],
    [
      'http.proxy.enable=true\nhttp.proxy.url=http://us:pw@p:3128/\nhttp.proxy.host=q\nhttp.proxy.port=1\nhttp.proxy.username=u\nhttp.proxy.password=x',
      { proxy: 'http://us:pw@p:3128' },
      [
        'http.proxy.host: http.proxy.url counts, left out',
        'http.proxy.port: http.proxy.url counts, left out',
        'http.proxy.url: the password is taken over as text in "proxy"; set the mode of the file to 600',
        'http.proxy.username: that of http.proxy.url counts, left out',
        'http.proxy.password: that of http.proxy.url counts, left out',
      ],
    ],
    ['http.proxy.url=HTTPS://p', { proxy: 'https://p' }, []],
    ['http.proxy.url=p:3128\nhttp.proxy.username=u', { proxy: 'http://u:@p:3128' }, []],
    [
      'http.proxy.url=ftp://p/x',
      {},
      ['http.proxy.url: it is not http://[USER:PASSWORD@]HOST[:PORT], left out'],
    ],
    [
      'http.proxy.enable=false\nhttp.proxy.url=http://p',
      {},
      ['http.proxy.url: the proxy is off or its host is missing, left out'],
    ],
    [
      'http.proxy.url=p\nhttp.proxy.password=x',
      { proxy: 'http://p' },
      ['http.proxy.password: there is no http.proxy.username, left out'],
    ],
    [
      'webtunnel.status.notify=/usr/bin/my led',
      { notify: { command: ['/usr/bin/my led'], arguments: 'event', timeout: 300 } },
      [],
    ],
    [
      'http.timeout=30',
      { timeouts: { connect: 30 } },
      ['http.timeout: it has become timeouts.connect, which is for local services as well'],
    ],
    ['http.timeout=30\nwebtunnel.connectTimeout=30', { timeouts: { connect: 30 } }, []],
    [
      'webtunnel.userAgent=Pump/1\nwebtunnel.throttle.rate=1000',
      {},
      [
        'webtunnel.userAgent: the agent names itself and its version, which the reflector shows, left out',
        'webtunnel.throttle.rate: the agent does not limit its bandwidth, left out',
      ],
    ],
    ['webtunnel.connectTimeout=soon', {}, ['webtunnel.connectTimeout: "soon" is not an integer, left out']],
    ['http.proxy.enable=perhaps', {}, ['http.proxy.enable: "perhaps" is neither true nor false, left out']],
    [
      'logging.loggers.root.level=none',
      { log: { level: 'error' } },
      ['logging.loggers.root.level: "none" has no counterpart; errors are logged'],
    ],
    [
      'logging.loggers.root.channel=c\nlogging.channels.c.class=ColorConsoleChannel',
      { log: { to: 'stderr' } },
      [],
    ],
    ['logging.loggers.root.channel=s\nlogging.channels.s.class=SyslogChannel', { log: { to: 'syslog' } }, []],
    [
      'logging.loggers.root.channel=x',
      { log: { to: 'stderr' } },
      ['logging.channels.x.class: "" has no counterpart; the log goes to standard error'],
    ],
    [
      'logging.loggers.root.channel=f\nlogging.channels.f.class=FileChannel\nlogging.channels.f.path=/l\nlogging.channels.f.rotation=daily',
      { log: { to: { file: '/l' } } },
      ['logging.channels.f.rotation: "daily" has no counterpart; the file is rotated by its size'],
    ],
  ])('turns %j into %j', (lines, rest, expected) => {
    expect(imported(lines)).toMatchObject({ warnings: expected });
    expect(imported(lines).rest).toEqual(rest);
  });

  it('warns that certificates are verified where the original accepts any', () => {
    const of = (lines: string) =>
      importProperties(`webtunnel.deviceId=d\nwebtunnel.domain=e\nwebtunnel.ports=22\n${lines}`).warnings;
    const loud = [
      expect.stringMatching(
        /^tls\.acceptUnknownCertificate: MISSING, .* this agent verifies it\. .*"ca".*tls\.pins.*rm-agent check/,
      ),
    ];
    expect(of('webtunnel.reflectorURI=https://r')).toEqual(loud);
    expect(of('webtunnel.reflectorURI=https://r\ntls.acceptUnknownCertificate=')).toEqual(loud);
    expect(of('webtunnel.reflectorURI=https://r\ntls.acceptUnknownCertificate=false')).toEqual([]);
    expect(of('webtunnel.reflectorURI=http://r')).toEqual([]);
    expect(of('webtunnel.reflectorURI=https://r\ntls.verification=none')).toEqual([
      'tls.verification: tls.verify is false: anybody on the way can pose as the reflector',
    ]);
  });

  it('takes the identity from the user name, which is all that the original logs in with', () => {
    const of = (lines: string) => {
      const { json, warnings } = importProperties(
        `webtunnel.reflectorURI=http://r\nwebtunnel.ports=22\n${lines}`,
      );
      return { device: json.device, warnings };
    };
    expect(of('webtunnel.username=x@y')).toEqual({ device: { id: 'x', domain: 'y' }, warnings: [] });
    expect(of('webtunnel.username=${system.nodeId}@y\nwebtunnel.domain=e')).toEqual({
      device: { id: '${nodeId}', domain: 'y' },
      warnings: ['webtunnel.domain: "e" does not count: the original logs in as "${nodeId}@y", left out'],
    });
  });

  const https = 'webtunnel.ports=443\nwebtunnel.httpPort=443\nwebtunnel.https.enable=true\n';

  it.each<[string, object | undefined, string[]]>([
    ['tls.acceptUnknownCertificate=false\nwebtunnel.https.verification=none', undefined, []],
    [
      'tls.acceptUnknownCertificate=false\nwebtunnel.https.verification=strict\nwebtunnel.https.extendedCertificateVerification=true\nwebtunnel.https.caLocation=/ca\nwebtunnel.https.certificate=/c\nwebtunnel.https.privateKey=/k\nwebtunnel.https.minVersion=tlsv1_3',
      { verify: true, ca: '/ca', cert: '/c', key: '/k', minVersion: '1.3' },
      [],
    ],
    [
      'tls.acceptUnknownCertificate=false',
      { verify: true },
      [
        'webtunnel.https.extendedCertificateVerification: the name in the certificate is checked as well; if it is not that of the host, give it as services[].tls.name',
      ],
    ],
    [
      'webtunnel.https.verification=relaxed\nwebtunnel.https.caLocation=/ca\nwebtunnel.https.extendedCertificateVerification=true',
      undefined,
      [
        'webtunnel.https.verification: the original accepts unknown certificates, so the certificate of the service is not checked; see services[].tls',
        'webtunnel.https.extendedCertificateVerification: the certificate is not checked, left out',
        'webtunnel.https.caLocation: the certificate is not checked, left out',
      ],
    ],
    [
      'webtunnel.https.verification=none\nwebtunnel.https.minVersion=tlsv1\nwebtunnel.https.ciphers=HIGH',
      { minVersion: '1.2' },
      [
        'webtunnel.https.minVersion: "tlsv1" has no counterpart; the oldest version is TLS 1.2',
        'webtunnel.https.ciphers: the TLS library offers only what is safe, left out',
      ],
    ],
    [
      'tls.acceptUnknownCertificate=false\nwebtunnel.https.verification=lax\nwebtunnel.https.extendedCertificateVerification=true',
      { verify: true },
      ['webtunnel.https.verification: "lax" is unknown; it is taken for "relaxed"'],
    ],
  ])('turns TLS towards the device %j into %j', (lines, tls, expected) => {
    const { json, warnings } = importProperties(`${identity}${https}${lines}`);
    expect(warnings).toEqual(expected);
    expect(json.services).toEqual([{ port: 443, kind: 'https', ...(tls && { tls }) }]);
    expect(problems(`${identity}${https}${lines}`)).toEqual([]);
  });

  it('warns of TLS towards a device that has no HTTPS', () => {
    expect(imported('webtunnel.https.verification=none\nwebtunnel.https.minVersion=tlsv1').warnings).toEqual([
      'webtunnel.https.verification: there is no web server that needs HTTPS, left out',
      'webtunnel.https.minVersion: there is no web server that needs HTTPS, left out',
    ]);
  });

  it.each<[string, object, string[]]>([
    [
      'class=SyslogChannel\n%pattern=%s: %t\n%name=webtunnels\n%facility=SYSLOG_LOCAL0',
      { to: 'syslog' },
      [
        '%pattern: the form of a log line is fixed, left out',
        '%name: the tag in the system log is rm-agent, left out',
        '%facility: the facility in the system log is daemon, left out',
      ],
    ],
    [
      'class=FileChannel\n%path=/l\n%rotation=never\n%time=local\n%times=local\n%archive=number\n%purgeAge=3 days\n%purgeCount=3\n%compress=true\n%flush=false',
      { to: { file: '/l' } },
      [
        '%rotation: "never" has no counterpart; the file is rotated by its size',
        '%time: the file is rotated by its size, left out',
        '%times: the form of a log line is fixed, left out',
        '%archive: one old file is kept, with .1 at its end, left out',
        '%purgeAge: one old file is kept, with .1 at its end, left out',
        '%purgeCount: one old file is kept, with .1 at its end, left out',
        '%compress: the old file is not compressed, left out',
        '%flush: no counterpart, left out',
      ],
    ],
    [
      'class=FileChannel\n%path=${application.dir}${application.baseName}.log',
      { to: { file: '/opt/remote/WebTunnelAgent.log' } },
      [
        '%path: ${application.dir} is replaced by "/opt/remote/", by where this file is',
        '%path: ${application.baseName} is replaced by "WebTunnelAgent", by where this file is',
      ],
    ],
  ])('warns of everything that a channel of the log loses: %j', (lines, log, expected) => {
    const channel = 'logging.channels.c.';
    const { rest, warnings } = imported(
      `logging.loggers.root.channel=c\n${channel}${lines.replaceAll('%', channel).replaceAll(`${channel}s: ${channel}t`, '%s: %t')}`,
    );
    expect(warnings).toEqual(expected.map((line) => line.replace('%', channel)));
    expect(rest).toEqual({ log });
  });

  it('warns of loggers and channels that are not used', () => {
    const lines =
      'logging.loggers.l1.level=debug\nlogging.channels.x.path=/l\nlogging.formatters.f.pattern=%t';
    expect(imported(lines).warnings).toEqual([
      'logging.loggers.l1.level: there is one log for everything, left out',
      'logging.channels.x.path: the root logger does not use this channel, left out',
      'logging.formatters.f.pattern: the form of a log line is fixed, left out',
    ]);
  });

  it.each<[string, string, string | null]>([
    ['${webtunnel.domain:-other}', 'e', null],
    ['${unknown:-other}', 'other', null],
    ['x${unknown:-}', 'x', null],
    ['${system.nodeName:-other}', '${hostname}', null],
    ['${system.env.SERIAL:-none}', '${env.SERIAL:-none}', null],
    ['${system.osName}', 'Linux', 'its value now'],
    ['${system.osVersion}', '6.1.0', 'its value now'],
    ['${system.osArchitecture}', 'mips', 'its value now'],
    ['${system.currentDir}', '/', 'its value now'],
    ['${system.homeDir}', '/root/', 'its value now'],
    ['${system.tempDir}', '/tmp/', 'its value now'],
    ['${system.dateTime}', '2026-01-02T03:04:05Z', 'its value now'],
    ['${application.path}', '/opt/remote/WebTunnelAgent', 'by where this file is'],
    ['${application.name}', 'WebTunnelAgent', 'by where this file is'],
    ['${application.configDir}', '/opt/remote/', 'by where this file is'],
  ])('replaces %s by %j', (reference, value, by) => {
    const { device, warnings } = imported(`webtunnel.deviceName=${reference}`);
    expect(device).toHaveProperty('name', value);
    expect(warnings).toEqual(
      by === null ? [] : [`webtunnel.deviceName: ${reference} is replaced by "${value}", ${by}`],
    );
  });

  describe('every key that the original documents', () => {
    const documented = `
webtunnel.domain=e
webtunnel.tenant=t
webtunnel.deviceId=d
webtunnel.deviceName=n
webtunnel.deviceVersion=1
webtunnel.userAgent=u
webtunnel.host=10.0.0.1
webtunnel.ports=80,443,22,5900,3389,502
webtunnel.httpPort=443
webtunnel.https.enable=true
webtunnel.httpPath=/ui
webtunnel.sshPort=22
webtunnel.vncPort=5900
webtunnel.rdpPort=3389
webtunnel.appPort=502
webtunnel.reflectorURI=https://r
webtunnel.username=x@y
webtunnel.password=p
webtunnel.connectTimeout=11
webtunnel.localTimeout=7000
webtunnel.remoteTimeout=900
webtunnel.status.notify=/n
webtunnel.threads=4
webtunnel.properties.a=\`uptime\`
webtunnel.propertiesUpdateInterval=60
webtunnel.throttle.rate=1
http.timeout=30
http.proxy.enable=true
http.proxy.host=h
http.proxy.port=81
http.proxy.username=u
http.proxy.password=p
tls.acceptUnknownCertificate=false
tls.ciphers=HIGH
tls.minVersion=tlsv1_3
tls.verification=none
tls.extendedCertificateVerification=true
tls.caLocation=/ca
tls.certificate=/c
tls.privateKey=/k
webtunnel.https.ciphers=HIGH
webtunnel.https.verification=none
webtunnel.https.extendedCertificateVerification=true
webtunnel.https.caLocation=/ca
webtunnel.https.certificate=/c
webtunnel.https.privateKey=/k
webtunnel.https.minVersion=tlsv1_3
logging.loggers.root.channel=file
logging.loggers.root.level=warning
logging.channels.file.class=FileChannel
logging.channels.file.pattern=%t
logging.channels.file.path=/l
logging.channels.file.rotation=1 M
logging.channels.file.time=utc
logging.channels.file.archive=number
logging.channels.file.purgeAge=1 days
logging.channels.file.purgeCount=3
logging.channels.file.compress=true
logging.channels.console.class=ColorConsoleChannel
logging.channels.console.pattern=%t
logging.channels.syslog.class=SyslogChannel
logging.channels.syslog.pattern=%t
logging.channels.syslog.name=n
logging.channels.syslog.facility=SYSLOG_LOCAL0
`.trim();
    /** What ours does in any case. */
    const asOurs = ['tls.acceptUnknownCertificate=false'];
    const lines = documented.split('\n');
    const whole = importProperties(documented);

    it('together makes a configuration that is right', () => {
      expect(problems(documented)).toEqual([]);
    });

    it.each(lines.filter((line) => !asOurs.includes(line)))(
      '%s leaves a mark in the configuration, or a warning',
      (line) => {
        const key = line.replace(/=.*/, '');
        const { json } = importProperties(lines.filter((other) => other !== line).join('\n'));
        const marked = JSON.stringify(json) !== JSON.stringify(whole.json);
        expect(marked || whole.warnings.some((warning) => warning.startsWith(`${key}: `))).toBe(true);
      },
    );
  });

  it.each<[string, object[], string[]]>([
    ['80', [{ port: 80, kind: 'http' }], []],
    [
      '80,8080\nwebtunnel.httpPort=8080',
      [
        { port: 80, kind: 'tcp' },
        { port: 8080, kind: 'http' },
      ],
      [],
    ],
    [
      '22,0,x,22,70000',
      [{ port: 22, kind: 'tcp' }],
      [
        'webtunnel.ports: "0" is not a port, left out',
        'webtunnel.ports: "x" is not a port, left out',
        'webtunnel.ports: "70000" is not a port, left out',
      ],
    ],
    [
      '22\nwebtunnel.vncPort=5900',
      [{ port: 22, kind: 'tcp' }],
      ['webtunnel.vncPort: port 5900 is not in webtunnel.ports, left out'],
    ],
    [
      '22\nwebtunnel.sshPort=22\nwebtunnel.appPort=22',
      [{ port: 22, kind: 'ssh' }],
      ['webtunnel.appPort: port 22 is of kind "ssh" already, left out'],
    ],
    [
      '22\nwebtunnel.httpPath=/x\nwebtunnel.https.enable=true',
      [{ port: 22, kind: 'tcp' }],
      [
        'webtunnel.httpPath: there is no web server, left out',
        'webtunnel.https.enable: there is no web server, left out',
      ],
    ],
    ['80\nwebtunnel.httpsRequired=1', [{ port: 80, kind: 'https' }], []],
  ])('opens no port that the original did not: %j', (ports, services, expected) => {
    expect(importProperties(`${identity}webtunnel.ports=${ports}`)).toMatchObject({
      json: { services },
      warnings: expected,
    });
  });

  it('keeps references that it cannot resolve as text', () => {
    const { device, warnings } = imported('a=${b}\nb=${a}\nwebtunnel.deviceName=${a}${system.pid}${x');
    expect(device).toHaveProperty('name', '${$}{a}${$}{system.pid}${$}{x');
    expect(warnings).toContain('webtunnel.deviceName: ${system.pid} has no counterpart, kept as text');
  });

  it('never fails, warns of every key that it does not know, and of all that is wrong with the result', () => {
    const known = [...parseProperties(realistic).keys()];
    const keys = fc.oneof(fc.constantFrom(...known), fc.string({ maxLength: 12 }));
    const values = fc.oneof(
      fc.constantFrom('true', 'none', '80', '${webtunnel.domain}', '`a`', '\\'),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, values), { maxLength: 12 }), (lines) => {
        const text = lines.map(([key, value]) => `${key}=${value}`).join('\n');
        const { warnings } = importProperties(text);
        for (const [key, value] of parseProperties(text)) {
          if (value === '' || known.includes(key)) continue;
          expect(warnings.some((line) => line.startsWith(`${key}: `))).toBe(true);
        }
        for (const { path, message } of problems(text)) {
          expect(warnings).toContain(`to be corrected in the result: ${path}: ${message}`);
        }
      }),
    );
  });
});

describe('parseProperties', () => {
  it.each<[string, Record<string, string>]>([
    ['a=1', { a: '1' }],
    [' a \t=  1 2  ', { a: '1 2' }],
    ['a: 1=2', { a: '1=2' }],
    ['a', { a: '' }],
    ['=1\n', {}],
    ['# a=1\n  ! b=2\nc=3 # no comment', { c: '3 # no comment' }],
    ['a=1\\\n  2\nb=3', { a: '1  2', b: '3' }],
    ['a=1\\\r\n# 2', { a: '1# 2' }],
    ['a=1\\\\\nb=2', { a: '1\\', b: '2' }],
    ['a=\\t1\\t2\\x\\=', { a: '1\t2x=' }],
    ['a=1\na=2', { a: '2' }],
    ['\ufeffa=1\rb=2', { a: '1', b: '2' }],
    ['a=1\\', { a: '1' }],
  ])('reads %j', (text, expected) => {
    expect(Object.fromEntries(parseProperties(text))).toEqual(expected);
  });
});
