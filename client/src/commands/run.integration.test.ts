import { describe, expect, test } from 'vitest';
import { Failure, printable, reasonOf } from '../failure.ts';
import { TestCommand } from '../testing/test-command.ts';

const command = (environment = {}) =>
  new TestCommand({ RM_REFLECTOR: 'localhost:1', XDG_CONFIG_HOME: '/nonexistent', ...environment });
const names = [
  ...['login', 'logout', 'devices', 'forward', 'connect', 'ssh', 'scp', 'sftp', 'vnc', 'rdp'],
  ...['domains', 'users', 'groups', 'grants', 'keys', 'enroll', 'audit', 'web', 'completion'],
];

describe('the command line', () => {
  test.each([
    [[], 'which command? See rm-client --help'],
    [['fly'], `fly: must be one of ${names.join(', ')}; see rm-client --help`],
    [['connect'], 'usage: rm-client connect DEVICE:PORT'],
    [['connect', 'pump-7'], 'usage: rm-client connect DEVICE:PORT'],
    [['connect', 'pump-7:22:23'], 'usage: rm-client connect DEVICE:PORT'],
    [['connect', 'pump-7:0'], 'port 0: must be a port number from 1 to 65535'],
    [['connect', 'pump.7:22'], 'device "pump.7": must be 1 to 63 letters, digits, "-" and "_"'],
    [['connect', 'x:1', '--password', 'y'], "Unknown option '--password'; see rm-client --help"],
    [['connect', 'x:1', '--keep-alive', '0'], '--keep-alive 0: must be a number of seconds from 1 to 3600'],
    [['connect', 'x:1', '--kind', 'http'], '--kind http: must be one of ssh, vnc, rdp'],
    [['forward', 'pump-7'], 'usage: rm-client forward DEVICE -R PORT [-L PORT] [-b ADDRESS]'],
    [['forward', 'pump-7', '-R', '22', '-L', '65536'], '-L 65536: must be a port number from 0 to 65535'],
    [['ssh'], 'usage: rm-client ssh [OPTIONS] DEVICE [ARGUMENTS]'],
    [['ssh', '-R', '22'], 'usage: rm-client ssh [OPTIONS] DEVICE [ARGUMENTS]'],
    [
      ['users', 'fly'],
      'users fly: must be one of list, show, add, set, invite, logout, remove-totp, remove; see rm-client users --help',
    ],
    [['users', 'remove'], 'usage: rm-client users remove USER'],
    [['groups', 'join', 'a'], 'usage: rm-client groups join GROUP USER'],
    [['grants', 'add', '--ports', 'ssh'], '--ports ssh: must be port numbers and "web", separated by commas'],
    [['domains', 'set', 'd', '--max-devices', 'x'], '--max-devices x: must be a number or none'],
    [['devices', '--reflector', 'ftp://x'], 'reflector "ftp://x": must be https://HOST or https://HOST:PORT'],
    [
      ['devices', '--reflector', 'https://x/y'],
      'reflector "https://x/y": must be https://HOST or https://HOST:PORT',
    ],
    [
      ['connect', 'pump-7:22', '--reflector', 'http://127.0.0.1:8080'],
      'reflector 127.0.0.1: must be a name, since pump-7.NAME is the address of the device',
    ],
  ])('%j: usage, one line', async (args, line) => {
    expect(await command().run(...args)).toEqual({ status: 64, out: '', err: `rm-client: ${line}\n` });
  });

  test('without a reflector: one line', async () => {
    expect(await command({ RM_REFLECTOR: undefined }).run('devices')).toEqual({
      status: 64,
      out: '',
      err: 'rm-client: no reflector: --reflector URL, RM_REFLECTOR or rm-client login\n',
    });
  });

  test.each(['--help', ...names])('%s has help on one screen', async (name) => {
    const { status, out } =
      name === '--help' ? await command().run(name) : await command().run(name, '--help');
    expect(status).toBe(0);
    expect(out).toMatch(
      name === '--help' ? /^Usage: rm-client COMMAND/ : new RegExp(`^Usage: rm-client ${name} `),
    );
    const lines = out.split('\n');
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  test('--version', async () => {
    expect((await command().run('--version')).out).toMatch(/^rm-client \d+\.\d+\.\d+\n$/);
  });

  test('says loudly what leaves the connection open to others', async () => {
    const user = { RM_USER: 'a', RM_PASSWORD: 'b' };
    expect((await command(user).run('devices', '--insecure')).err).toMatch(
      /^rm-client: WARNING: the certificate of localhost is not checked/,
    );
    expect((await command(user).run('logout', '--reflector', 'http://remote.example.com')).err).toMatch(
      /^rm-client: WARNING: http:\/\/remote.example.com has no TLS/,
    );
    expect((await command(user).run('logout', '--reflector', 'http://localhost:1')).err).toBe('');
  });
});

describe('a failure', () => {
  test('cannot steer the terminal', () => {
    expect(new Failure('a\x1b[2J\r\nb\u202ec\x9bd\n').message).toBe('a [2J b c d');
    expect(printable('grün 泵')).toBe('grün 泵');
  });

  test.each([
    ['ECONNREFUSED', 'connection refused'],
    ['ENOTFOUND', 'name not found'],
    ['CERT_HAS_EXPIRED', 'its certificate has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host name'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is not trusted: it is self-signed (see --ca)'],
    ['EOTHER', 'first line'],
  ])('%s is: %s', (code, text) => {
    const error = Object.assign(new Error('first line\nsecond'), { code });
    expect(reasonOf(error)).toBe(text);
    expect(reasonOf(new AggregateError([error, new Error('another')]))).toBe(text);
  });

  test('of OpenSSL is its reason', () => {
    const error = Object.assign(new Error('0A00:error'), {
      code: 'ERR_SSL_WRONG_VERSION_NUMBER',
      reason: 'wrong version number',
    });
    expect(reasonOf(error)).toBe('TLS failed: wrong version number');
  });
});
