import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unpackedPackages } from '../../toolchain/qemu/debian-packages.mjs';
import { root as checkout } from '../checkout.ts';
import { BootedSystem, canBoot } from '../system/booted-system.ts';

/** A reflector that is not there: what is tested needs none. */
const configuration = (more = {}) =>
  JSON.stringify({
    reflector: 'http://127.0.0.1:9/',
    device: { id: 'pump', domain: '7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11', password: 's3cret' },
    services: [{ port: 80 }],
    ...more,
  });

/** The processes of the agent, with their user. */
const agents = `ps -o pid,user,args | grep '[/]usr/bin/rm-agent'`;

/** As docs/image/init.md has it. */
const inittabLine = '::respawn:/usr/lib/rm-agent/run';

const unit = join(checkout, 'toolchain/init/systemd/rm-agent.service');

it('systemd judges the unit to be exposed by at most 2.0', () => {
  const { status, stdout } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--threshold=20', '--no-pager', unit],
    { encoding: 'utf8' },
  );
  expect(status, stdout).toBe(0);
});

describe.runIf(canBoot)('systemd as PID 1', () => {
  it('starts, watches, reloads, restarts and stops the agent, who is nobody else', async () => {
    const system = new BootedSystem('systemd', { 'etc/rm-agent.json': configuration() });
    try {
      const show = (...names: string[]) =>
        `systemctl show ${names.map((name) => `-p ${name}`).join(' ')} rm-agent`;
      const pid = () => /MainPID=(\d+)/.exec(system.run(show('MainPID')).output)?.[1];
      await system.prints(show('ActiveState', 'StatusText'), /StatusText=waiting[\s\S]*ActiveState=active/);
      expect(system.run(show('WatchdogUSec')).output).toBe('WatchdogUSec=5min\n');
      expect(system.run(`stat -c %U /proc/${pid()} /run/rm-agent/rm-agent.sock`).output).toBe(
        'rm-agent\nrm-agent\n',
      );
      expect(system.run('rm-agent status').output).toMatch(/^state: +(waiting|connecting)/);
      expect(system.run('rm-agent disable --persist').status).toBe(0);
      expect(system.run('cat /var/lib/rm-agent/rm-agent.state').output).toBe('disabled\n');
      expect(system.run(show('StatusText')).output).toBe('StatusText=disabled\n');

      const first = pid();
      expect(system.run('systemctl reload rm-agent').status).toBe(0);
      expect(pid()).toBe(first);
      // A wrong configuration is refused, and the agent goes on.
      system.run(`echo '{}' >/etc/rm-agent.json`);
      expect(system.run('systemctl reload rm-agent').status).not.toBe(0);
      expect(pid()).toBe(first);
      system.run(
        `cat >/etc/rm-agent.json <<'END'\n${configuration({ reflector: 'http://127.0.0.1:10/' })}\nEND`,
      );
      system.run('systemctl reload rm-agent');
      await system.prints('rm-agent status', /127\.0\.0\.1:10/);

      // A loop that does not turn is a watchdog's case; the agent that does not end by itself is killed.
      const second = pid();
      system.run(`kill -9 ${second}`);
      await system.prints(show('NRestarts', 'ActiveState'), /NRestarts=1[\s\S]*ActiveState=active/);
      expect(pid()).not.toBe(second);
      expect(system.run('systemctl stop rm-agent').status).toBe(0);
      expect(system.run(show('ActiveState', 'Result')).output).toBe('Result=success\nActiveState=inactive\n');
      expect(system.run('getent passwd rm-agent').status).not.toBe(0);
    } finally {
      system.end();
    }
  });

  it('lets it read a secret that only root can read, also one that comes later', async () => {
    const system = new BootedSystem('systemd', {
      'etc/rm-agent.json': configuration({
        device: { id: 'pump', domain: 'acme', password: { file: '/etc/rm-agent.secret' } },
      }),
    });
    try {
      await system.prints('rm-agent status', /last error: +.*no such file/);
      system.run('umask 077; echo s3cret >/etc/rm-agent.secret');
      system.run('systemctl reload rm-agent');
      await system.prints('rm-agent status', /last error: +.*refused/);
      expect(system.run('stat -c "%U %a" /etc/rm-agent.secret').output).toBe('root 600\n');
    } finally {
      system.end();
    }
  });

  it.each([
    [
      'and remembers on a partition that is mounted below /var/lib/private',
      `rm -rf /var/lib/private/rm-agent /var/lib/rm-agent
      mkdir -p /var/lib/private/rm-agent && ln -s private/rm-agent /var/lib/rm-agent
      mount --bind /data/rm-agent /var/lib/private/rm-agent`,
      '',
      /^next start: +disabled$/m,
    ],
    [
      'and remembers nothing without a state directory',
      'rm -rf /var/lib/private /var/lib/rm-agent',
      'StateDirectory=',
      /disabled, but only until the agent ends/,
    ],
  ])('runs it on a read-only root file system, %s', async (_, image, setting, said) => {
    const system = new BootedSystem('systemd', {
      'etc/rm-agent.json': configuration(),
      'etc/systemd/system/rm-agent.service.d/image.conf': `[Service]\n${setting}\n`,
    });
    try {
      await system.prints('rm-agent status', /^state: +waiting/);
      const { output } = system.run(`set -e
        systemctl stop rm-agent
        for directory in /data /tmp /var/tmp; do mkdir -p $directory && mount -t tmpfs tmpfs $directory; done
        mkdir /data/rm-agent
        ${image}
        mount -o remount,ro /
        systemctl start rm-agent`);
      expect(output).toBe('');
      expect(system.run('rm-agent disable --persist').output).toMatch(said);
    } finally {
      system.end();
    }
  });

  it('ends an agent whose loop does not turn, and starts it again', async () => {
    const system = new BootedSystem('systemd', {
      'etc/rm-agent.json': configuration(),
      'etc/systemd/system/rm-agent.service.d/watchdog.conf': '[Service]\nWatchdogSec=4\n',
    });
    try {
      const show = 'systemctl show -p ActiveState -p NRestarts -p MainPID rm-agent';
      const running = await system.prints(show, /ActiveState=active/);
      system.run(`kill -STOP ${/MainPID=(\d+)/.exec(running)?.[1]}`);
      // More than once where the machine has stood still for so long before.
      const again = /NRestarts=[1-9][\s\S]*ActiveState=active|ActiveState=active[\s\S]*NRestarts=[1-9]/;
      await system.prints(show, again);
      expect(system.run('journalctl -u rm-agent --no-pager').output).toMatch(/watchdog/i);
    } finally {
      system.end();
    }
  });
});

describe.runIf(canBoot)('BusyBox init as PID 1', () => {
  it.each([
    ['a line of inittab', `::sysinit:/etc/init.d/rcS\n${inittabLine}\n`],
    ['the S-script', '::sysinit:/etc/init.d/rcS\n'],
  ])('starts the agent as a user of its own, and again when it is killed, by %s', async (_by, inittab) => {
    const system = new BootedSystem('busybox', {
      'etc/rm-agent.json': configuration(),
      'etc/inittab': inittab,
    });
    try {
      const first = await system.prints(agents, /^ *\d+ rm-agent /);
      await system.prints('rm-agent status', /^state: +waiting/);
      expect(system.run('ls -l /etc/rm-agent.json').output).toMatch(/^-rw------- +1 rm-agent/);
      expect(system.run('rm-agent disable --persist && cat /var/lib/rm-agent/rm-agent.state').output).toMatch(
        /disabled\n$/,
      );
      const prepare = 'RM_STATE_DIR=/tmp/new/state /usr/lib/rm-agent/run prepare';
      expect(system.run(`${prepare} && stat -c '%U %a' /tmp/new /tmp/new/state`).output).toBe(
        'root 755\nrm-agent 700\n',
      );
      const links =
        'mkdir /tmp/a /tmp/b && ln -s a /tmp/ours && ln -s b /tmp/theirs && chown -h 1234 /tmp/theirs';
      const prepareBoth = 'for s in ours theirs; do RM_STATE_DIR=/tmp/$s /usr/lib/rm-agent/run prepare; done';
      expect(system.run(`${links} && ${prepareBoth}; stat -c %U /tmp/a /tmp/b`).output).toBe(
        'rm-agent\nroot\n',
      );
      const pid = /\d+/.exec(first)?.[0];
      system.run(`kill -9 ${pid}`);
      // A killed process is listed until it is reaped.
      await system.prints(agents, new RegExp(`^ *(?!${pid} )\\d+ rm-agent `));
      // It has remembered.
      await system.prints('rm-agent status', /^state: +disabled/);
    } finally {
      system.end();
    }
  });

  it('runs it on a read-only root file system without a state directory, and it says so once', async () => {
    const system = new BootedSystem(
      'busybox',
      {
        'etc/rm-agent.json': configuration({ log: { to: { file: '/run/rm-agent/log' } } }),
        'etc/inittab': `${inittabLine}\n`,
        'etc/passwd':
          'root:x:0:0:root:/:/bin/sh\nroot-of-test:x:0:0::/:/bin/sh\nrm-agent:*:0:0::/:/bin/false\n',
        'etc/group': 'root:x:0:\nrm-agent:x:0:\n',
      },
      { readOnly: true },
    );
    try {
      await system.prints('rm-agent status', /^state: +waiting/);
      const log = await system.prints('cat /run/rm-agent/log', /not connected/);
      expect(log.match(/the directory \S+ cannot be written, so "enable" and "disable" last/g)).toHaveLength(
        1,
      );
      expect(system.run('rm-agent disable --persist').output).toMatch(
        /disabled, but only until the agent ends/,
      );
      expect(system.run('rm-agent status').output).toMatch(/^state: +disabled/);
    } finally {
      system.end();
    }
  });
});

/** Of Debian's, the lines that reach our script. */
const sysvInittab = `id:2:initdefault:
${[0, 1, 2, 3, 4, 5, 6].map((level) => `l${level}:${level}:wait:/etc/init.d/rc ${level}`).join('\n')}
`;

describe.runIf(canBoot)('SysV init as PID 1', () => {
  it('starts the agent in its runlevels, again when it is killed, and stops it in the others', async () => {
    const packages = await unpackedPackages('amd64', ['sysvinit-core', 'sysv-rc', 'sysvinit-utils']);
    const system = new BootedSystem(
      'sysv',
      { 'etc/rm-agent.json': configuration(), 'etc/inittab': sysvInittab },
      { packages },
    );
    try {
      const first = /\d+/.exec(await system.prints(agents, /^ *\d+ rm-agent /))?.[0];
      await system.prints('rm-agent status', /^state: +waiting/);
      expect(system.run('cat /proc/1/comm; readlink /proc/1/exe').output).toBe('init\n/sbin/init\n');
      system.run(`kill -9 ${first}`);
      await system.prints(agents, new RegExp(`^ *(?!${first} )\\d+ rm-agent `));
      expect(system.run('/etc/init.d/rm-agent status')).toMatchObject({ status: 0 });
      const second = /\d+/.exec(system.run(agents).output)?.[0];
      await system.prints('rm-agent status', /^state: +waiting/);
      expect(system.run('/etc/init.d/rm-agent reload').status).toBe(0);
      expect(/\d+/.exec(system.run(agents).output)?.[0]).toBe(second);
      system.run('telinit 1');
      await system.prints(`${agents} || cat /proc/1/cmdline`, /^init \[1\]/);
      expect(system.run('/etc/init.d/rm-agent status')).toMatchObject({ status: 3 });
      system.run('telinit 3');
      await system.prints(agents, /^ *\d+ rm-agent /);
      expect(system.run('cat /proc/1/cmdline').output).toMatch(/^init \[3\]/);
    } finally {
      system.end();
    }
  });
});
