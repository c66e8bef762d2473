import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDropbear } from '../ssh/dropbear.ts';
import { startOpenSsh } from '../ssh/openssh.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { RmClient, run } from '../system/rm-client.ts';
import { VncServer } from '../system/vnc-server.ts';

/** `rm-client` with a token, other people's programs at both of its ends, and the whole system between them. */

let openssh: SshServer;
let dropbear: SshServer;
let vnc: VncServer;
let system: RemoteSystem;
let client: RmClient;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-client-e2e-'));
  openssh = await startOpenSsh(deviceId);
  dropbear = await startDropbear(deviceId);
  vnc = await VncServer.start('desktop of the device');
  system = await RemoteSystem.start({
    services: [
      { port: openssh.port, kind: 'ssh' },
      { port: dropbear.port, kind: 'ssh' },
      { port: vnc.port, kind: 'vnc' },
    ],
  });
  client = await RmClient.logIn(system);
});

afterAll(async () => {
  client?.remove();
  await system?.stop();
  await vnc?.stop();
  await dropbear?.stop();
  await openssh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A file of random bytes, and its digest. */
function randomFile(name: string, mebibytes: number): { file: string; sha256: string } {
  const file = join(directory, name);
  writeFileSync(file, randomFillSync(Buffer.alloc(mebibytes << 20)));
  return { file, sha256: digest(file) };
}

const ok = { status: 0, errors: '' };

describe.each([
  ['OpenSSH', () => openssh],
  ['Dropbear', () => dropbear],
] as const)('rm-client to %s', (name, server) => {
  const login = () => `${server().user}@${deviceId}`;
  const to = () => ['-R', String(server().port)];
  /** `ssh` as people configure it: with `rm-client connect` as its ProxyCommand. */
  const ssh = () => [
    ...server().clientOptions,
    '-o',
    `ProxyCommand='${client.command}' connect %h:%p`,
    ...['-p', String(server().port)],
  ];
  const place = (file: string) => join(directory, `${name}-${file}`);

  test('ssh runs a command, with its input, its output and its status', async () => {
    const args = ['ssh', ...to(), login(), ...server().clientOptions];
    expect(await client.run([...args, 'echo reached; echo wrong >&2; exit 7'])).toEqual({
      status: 7,
      output: 'reached\n',
      errors: 'wrong\n',
    });
  });

  test('scp copies 64 MiB there and back, unchanged', async () => {
    const { file, sha256 } = randomFile(`${name}-scp`, 64);
    const scp = ['scp', ...to(), login(), ...server().clientOptions, '-q'];
    expect(await client.run([...scp, file, `:${place('scp-there')}`])).toMatchObject(ok);
    expect(await client.run([...scp, `:${place('scp-there')}`, place('scp-back')])).toMatchObject(ok);
    expect([digest(place('scp-there')), digest(place('scp-back'))]).toEqual([sha256, sha256]);
  });

  test('sftp copies 64 MiB there and back, unchanged', async () => {
    const { file, sha256 } = randomFile(`${name}-sftp`, 64);
    const batch = place('batch');
    writeFileSync(
      batch,
      `put ${file} ${place('sftp-there')}\nget ${place('sftp-there')} ${place('sftp-back')}\n`,
    );
    const args = ['sftp', ...to(), login(), ...server().clientOptions, '-q', '-b', batch];
    expect(await client.run(args)).toMatchObject(ok);
    expect([digest(place('sftp-there')), digest(place('sftp-back'))]).toEqual([sha256, sha256]);
  });

  test('rsync sends a tree, and then only what has changed', async () => {
    const source = join(directory, `${name}-tree`);
    mkdirSync(join(source, 'folder'), { recursive: true });
    const large = randomFile(`${name}-tree/large`, 8);
    writeFileSync(join(source, 'folder', 'small'), 'small');
    const shell = ssh()
      .map((word) => (/[ ']/.test(word) ? `"${word}"` : word))
      .join(' ');
    // By checksum: two writes within one second have the same time.
    const args = [
      '-a',
      '--checksum',
      '--stats',
      '-e',
      `ssh ${shell}`,
      `${source}/`,
      `${login()}:${place('synced')}/`,
    ];
    const environment = { env: client.environment };
    expect(await run('rsync', args, environment)).toMatchObject(ok);
    expect(digest(join(place('synced'), 'large'))).toBe(large.sha256);
    const bytes = readFileSync(large.file);
    bytes[1 << 20] = ~(bytes[1 << 20] ?? 0);
    writeFileSync(large.file, bytes);
    const second = await run('rsync', args, environment);
    expect(second).toMatchObject(ok);
    const literal = /^Literal data: ([\d,]+) bytes$/m.exec(second.output)?.[1]?.replaceAll(',', '');
    expect(Number(literal)).toBeGreaterThan(0);
    expect(Number(literal)).toBeLessThan(1 << 16);
    expect(digest(join(place('synced'), 'large'))).toBe(digest(large.file));
  });

  test('an interactive session follows the size of the window', async () => {
    const words = ['ssh', ...to(), login(), ...server().clientOptions, '-tt'];
    const script = join(directory, `${name}.exp`);
    // In expect's list syntax, a word in braces is taken as it is.
    writeFileSync(
      script,
      `set timeout 60
set stty_init "rows 24 columns 80"
proc demand {pattern} {
  expect {
    -re $pattern {}
    timeout { puts stderr "not seen: $pattern"; exit 3 }
    eof { puts stderr "ended before: $pattern"; exit 4 }
  }
}
spawn {${client.command}} ${words.map((word) => `{${word}}`).join(' ')} sh
send "stty size; echo at\\$((40 + 2))\\r"
demand {24 80\\s+at42}
stty rows 50 columns 132 < $spawn_out(slave,name)
# The change of the window may overtake what was typed, or follow it.
send "until stty size | grep -x '50 132'; do sleep 0.1; done; echo at\\$((50 + 2))\\r"
demand {50 132\\s+at52}
# What comes back in capitals says that the program runs, and has the terminal.
send "tr a-z A-Z\\r"
send "running\\r"
demand {RUNNING}
send "\\003"
demand {[#$] $}
send "exit 5\\r"
expect eof
exit [lindex [wait] 3]
`,
    );
    const outcome = await run('expect', ['-f', script], { env: { ...client.environment, TERM: 'xterm' } });
    expect(outcome).toMatchObject({ status: 5, errors: '' });
  });
});

describe('rm-client', () => {
  test('carries a VNC handshake with TigerVNC through a forward', async () => {
    const forward = client.start(['forward', deviceId, '-R', String(vnc.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(forward.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const port = Number(/^127\.0\.0\.1:(\d+) /.exec(String(line))?.[1]);
    const socket = connect(port, '127.0.0.1');
    const read = async (length: number): Promise<Buffer> => {
      for (;;) {
        const bytes = socket.read(length) as Buffer | null;
        if (bytes) return bytes;
        await once(socket, 'readable');
      }
    };
    // RFC 6143 section 7: version, security types, their result, and what the screen is.
    expect(String(await read(12))).toBe('RFB 003.008\n');
    socket.write('RFB 003.008\n');
    const [types = 0] = await read(1);
    expect([...(await read(types))]).toContain(1);
    socket.write(Uint8Array.of(1));
    expect((await read(4)).readUInt32BE()).toBe(0);
    socket.write(Uint8Array.of(1));
    const init = await read(24);
    expect([init.readUInt16BE(0), init.readUInt16BE(2)]).toEqual([320, 200]);
    expect(String(await read(init.readUInt32BE(20)))).toContain('desktop of the device');
    socket.destroy();
    forward.kill('SIGTERM');
    expect(await once(forward, 'close')).toEqual([0, null]);
  });

  test('starts a VNC viewer that gets to the screen of the device', async () => {
    const screen = await VncServer.start('screen of the user');
    const viewer = client.start(['vnc', '-R', String(vnc.port), deviceId, '-Shared'], {
      env: { ...client.environment, DISPLAY: screen.display, HOME: directory },
      stdio: 'ignore',
    });
    await vnc.logged(/SConnection: Client requests security type None[\s\S]*VNCSConnST: {2,}Server default/);
    viewer.kill('SIGTERM');
    await once(viewer, 'close');
    await screen.stop();
  });

  test.each([
    ['an unknown device', ['connect', 'nobody:22'], /There is no device "nobody"/],
    ['a port that is not forwarded', ['connect', `${deviceId}:1`], /does not forward port 1\b/],
  ])('says in one line what is wrong: %s', async (_, args, pattern) => {
    const { status, output, errors } = await client.run(args);
    expect(errors).toMatch(pattern);
    expect(errors.trimEnd()).not.toContain('\n');
    expect([status, output]).toEqual([1, '']);
  });
});
