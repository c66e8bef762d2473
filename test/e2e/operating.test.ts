import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { open } from '../scenarios/stage/frames.ts';
import { configuration, Stage } from '../scenarios/stage/stage.ts';
import { within } from '../scenarios/stage/wait.ts';
import { curl } from '../system/curl.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** The device decides who is let in, curl is the user who learns of it; BusyBox is the system log. */

const executables: [string, string[]][] = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
];

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rm-operating-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe.each(executables)('access to a device with %s', (_name, agent) => {
  const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 3) % 7];

  test.each([
    ['is allowed by a program', { mode: 'consent', ask: 'true' }, 200, /Pump/],
    [
      'is refused by a program',
      { mode: 'consent', ask: 'false' },
      502,
      /^Nothing answers on port \d+ of the device\n$/,
    ],
    [
      'waits for somebody who does not come',
      { mode: 'consent', ask: ['sleep', '60'], askTimeout: 1 },
      504,
      /^The device has not answered in time\n$/,
    ],
    [
      'is not to be had at this time',
      { mode: 'window', windows: [{ days: [day], from: '12:00', to: '13:00' }] },
      403,
      /^The device does not forward port \d+\n$/,
    ],
  ])('%s', async (_what, access, status, text) => {
    const device = await DemoDevice.start();
    const services = [{ port: device.port, kind: 'http' }];
    const system = await RemoteSystem.start({ services, agent, configuration: { access } });
    try {
      const { output } = await curl(system, ['--write-out', '\n%{http_code}', `${system.url}/`]);
      const [, body = '', code] = /^(.*)\n(\d+)$/s.exec(output.toString()) ?? [];
      expect([Number(code), body]).toEqual([status, expect.stringMatching(text)]);
    } finally {
      await system.stop();
      await device.stop();
    }
  });

  test('is allowed from the side, while the user waits', async () => {
    const device = await DemoDevice.start();
    const control = join(directory, 'control');
    const services = [{ port: device.port, kind: 'http' }];
    const configuration = { access: { mode: 'consent' }, control };
    const system = await RemoteSystem.start({ services, agent, configuration });
    try {
      const pages = Promise.all([1, 2, 3].map(() => curl(system, ['--fail', `${system.url}/`])));
      await system.agent?.logged(/waits for consent/);
      const [command = '', ...words] = agent;
      const args = [...words, 'consent', 'allow', '--config', join(system.directory, 'rm-agent.json')];
      const { stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
      expect(stdout).toMatch(/^consent: +given$/m);
      for (const { status, output } of await within(pages, 'the pages')) {
        expect(status).toBe(0);
        expect(output.toString()).toMatch(/Pump/);
      }
    } finally {
      await system.stop();
      await device.stop();
    }
  });
});

test.each(executables)(
  'the system log of BusyBox gets the lines of %s, with their severities',
  async (_name, agent) => {
    const file = join(directory, 'messages');
    const config = join(directory, 'rm-agent.json');
    const content = {
      reflector: 'http://127.0.0.1:9/',
      device: { id: 'a', domain: 'b' },
      services: [{ port: 80 }],
      control: null,
      stateFile: null,
      log: { to: 'syslog' },
    };
    writeFileSync(config, JSON.stringify(content), { mode: 0o600 });
    // A /dev of its own, so that the machine's system log is left alone.
    const script = `mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 || exit 1
    busybox syslogd -n -O ${file} & log=$!
    while [ ! -e /dev/log ]; do sleep 0.05; done
    "$@" & agent=$!
    while ! grep -q 'not connected' ${file}; do sleep 0.05; done
    kill $agent; wait $agent; status=$?; kill $log; exit $status`;
    const run = AgentProcess.start(['--config', config], {}, [
      ...['unshare', '-m', 'sh', '-c', script, 'sh'],
      ...agent,
    ]);
    expect(await run.ended(), run.log.join('\n')).toEqual({ status: 0, signal: null });
    expect(readFileSync(file, 'utf8')).toMatch(
      /daemon\.warn(ing)? rm-agent: not connected: .*connection refused; next attempt in/i,
    );
  },
);

test.each(executables)(
  'a log of %s on a disk that is full has whole lines, and goes on',
  async (_name, agent) => {
    const stage = new Stage();
    try {
      const disk = join(directory, 'disk');
      mkdirSync(disk);
      const reflector = await stage.reflector();
      const log = { level: 'debug', to: { file: join(disk, 'log'), maxBytes: 8192 } };
      const config = stage.file(JSON.stringify(configuration(reflector, [80], { log })));
      // Three pages, of which two are taken.
      const script = `mount -t tmpfs -o size=12k none ${disk} && head -c 8192 /dev/zero > ${disk}/other && exec "$@"`;
      const run = stage.adopt(
        AgentProcess.start(['--config', config], {}, ['unshare', '-m', 'sh', '-c', script, 'sh', ...agent]),
      );
      const tunnel = await reflector.tunnel();
      const seen = `/proc/${run.pid}/root${disk}`;
      /** Refused ports, each of which is a line of the log. */
      const refuse = async (first: number, last: number) => {
        for (let port = first; port <= last; port++) {
          tunnel.send(open(1, port));
          await tunnel.frame(1);
        }
      };
      /** The ports that the lines of a file speak of; each line is whole. */
      const portsIn = (name: string) => {
        const text = readFileSync(join(seen, name), 'utf8');
        expect(text.replace(/^\d{4}-\d\d-\d\dT[^ ]+Z (debug|info) .*\n/gm, '')).toBe('');
        return [...text.matchAll(/ port (\d+) is not forwarded\n/g)].map(([, number]) => Number(number));
      };
      await refuse(1001, 1100);
      await run.logged(/cannot be written: no space left/i);
      await run.logged(/port 1100 is/);
      expect(portsIn('log')[0]).toBe(1001);
      rmSync(join(seen, 'other'));
      await refuse(1101, 1300);
      // Two pages were turned over, which left one.
      expect(readdirSync(seen).sort()).toEqual(['log', 'log.1']);
      expect(run.log.filter((line) => line.includes('cannot be written'))).toHaveLength(2);
      const kept = [...portsIn('log.1'), ...portsIn('log')];
      expect(kept).toEqual([...kept].sort((a, b) => a - b));
      expect(kept).toContain(1001);
      expect(kept).toContain(1101);
      await run.logged(/port 1300 is/);
    } finally {
      await stage.end();
    }
  },
);
