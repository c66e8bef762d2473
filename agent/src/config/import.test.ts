import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configurationSchema } from './configuration.ts';
import { importProperties } from './import.ts';
import { parseProperties } from './properties-file.ts';
import { type Problem, validate } from './validate.ts';

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
        { port: 443, kind: 'https', path: '/ui/' },
        { port: 22, kind: 'ssh' },
        { port: 5900, kind: 'vnc' },
        { port: 3389, kind: 'rdp' },
        { port: 502, kind: 'app' },
        { port: 8080, kind: 'tcp' },
      ],
      tls: { ca: '/etc/ssl/certs', cert: '/etc/device.pem', key: '/etc/device.key', minVersion: '1.3' },
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
      'webtunnel.properties.load: its command needs a shell, which is now named: ["/bin/sh", "-c", …]',
      'http.proxy.password: taken over as text in "proxy"; set the mode of the file to 600',
      'webtunnel.threads: not needed, one event loop serves all channels, left out',
      'webtunnel.status.notify: no counterpart, left out',
      'http.timeout: timeouts.connect is for the reflector as well, left out',
      'tls.ciphers: the TLS library offers only what is safe, left out',
      'logging.channels.console.class: no counterpart, left out',
      'logging.channels.file.pattern: the form of a log line is fixed, left out',
    ]);
  });

  it('says what the result still lacks', () => {
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
      'webtunnel.username=x@y',
      {},
      ['webtunnel.username: "x@y" is not <deviceId>@<domain>, which is what the agent sends, left out'],
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
    const { device, warnings } = imported('a=${b}\nb=${a}\nwebtunnel.deviceName=${a}${application.dir}${x');
    expect(device).toHaveProperty('name', '${$}{a}${$}{application.dir}${$}{x');
    expect(warnings).toContain('webtunnel.deviceName: ${application.dir} has no counterpart, kept as text');
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
