import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base, describe, expect, vi } from 'vitest';
import { runBound, spawnBound } from './bound-process.mjs';

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
/** @type {{ scripts: Record<string, string> }} */
const { scripts } = JSON.parse(readFileSync(here('../package.json'), 'utf8'));

/** A folder of its own for each test: they run at once, because most of what they do is to wait for the ends of processes. */
const test = base.extend({
  /** @type {(context: object, use: (folder: string) => Promise<void>) => Promise<void>} */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what a fixture needs
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'rm-bound-'));
    await use(folder);
    for (const pid of alive(folder))
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    rmSync(folder, { recursive: true, force: true });
  },
});

/**
 * Processes that have the folder of this test for temporary files: whatever was started, however far down.
 * @param {string} folder
 */
function alive(folder) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folder}\0`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/**
 * Its words, each with a NUL behind it; nothing of one that has ended meanwhile.
 * @param {number} pid
 */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Real npm, with `script` as its `start`; what it has printed, and the process that runs the script.
 * @param {string} folder
 * @param {string} script
 * @param {string[]} args
 */
function npm(folder, script, ...args) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start: script } }));
  const child = spawn('npm', ['start', '--', ...args], {
    cwd: folder,
    // Out of the group of this process, as a supervisor starts it.
    detached: true,
    env: { ...process.env, TMPDIR: folder, npm_config_update_notifier: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run = { child, out: '', ended: once(child, 'exit') };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      run.out += chunk;
    });
  return run;
}

/**
 * The sockets that listen on a port, by their numbers, which are nobody else's later (proc_pid_net(5)).
 * @param {number} port
 */
function listening(port) {
  return ['tcp', 'tcp6'].flatMap((protocol) =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state]) => state === '0A' && parseInt(local.split(':')[1] ?? '', 16) === port)
      .map((fields) => fields[9]),
  );
}

const eventually = (/** @type {() => boolean} */ condition) =>
  vi.waitUntil(condition, { timeout: 120_000, interval: 100 });

/**
 * @param {ReturnType<typeof npm>} run
 * @param {RegExp} pattern
 */
async function printed(run, pattern) {
  await eventually(() => pattern.test(run.out) || run.child.exitCode !== null);
  const found = pattern.exec(run.out);
  if (!found) throw new Error(`npm ended: ${run.out}`);
  return found;
}

/** @param {number | undefined} pid */
function found(pid) {
  if (pid === undefined) throw new Error('there is no such process');
  return pid;
}

test('every script of npm hands its process over, so that npm passes signals on to it', () => {
  const own = Object.values(scripts).filter((script) => script.includes('toolchain/run.mjs'));
  expect(own.length).toBeGreaterThan(5);
  for (const script of own) expect(script).toMatch(/^exec node toolchain\/run\.mjs /);
});

describe.concurrent('npm start ends with', () => {
  test.for(
    /** @type {const} */ ([
      ['SIGTERM', 'npm'],
      ['SIGINT', 'npm'],
      ['SIGHUP', 'npm'],
      ['SIGKILL', 'npm'],
      ['SIGKILL', 'its own process'],
    ]),
  )('%s to %s alone: no process is left, and the port is free', async ([signal, whom], { folder }) => {
    const run = npm(
      folder,
      (scripts.start ?? '').replace('toolchain/run.mjs start', here('start.mjs')),
      '--port',
      '0',
    );
    const [, port] = await printed(run, /http:\/\/localhost:(\d+)\/[\s\S]*Ctrl-C/);
    const own = alive(folder).find((pid) => commandLine(pid).startsWith(`node\0${here('start.mjs')}`));
    expect(own).toBeDefined();
    const sockets = listening(Number(port));
    expect(sockets).not.toEqual([]);
    process.kill(found(whom === 'npm' ? run.child.pid : own), signal);
    await run.ended;
    await eventually(() => alive(folder).length === 0);
    // Another program may have taken the port since.
    for (const socket of listening(Number(port))) expect(sockets).not.toContain(socket);
  });
});

describe.concurrent('the installation of npm packages, before anything runs, ends with', () => {
  test.for(
    /** @type {const} */ ([
      ['SIGTERM', 'npm'],
      ['SIGINT', 'npm'],
      ['SIGHUP', 'npm'],
      ['SIGKILL', 'npm'],
      ['SIGKILL', 'its own process'],
    ]),
  )('%s to %s alone', async ([signal, whom], { folder }) => {
    // In the place of the npm that installs, one that says when it runs, and takes its time.
    const installing = join(folder, 'installing');
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\nsleep 1000 & : > ${installing}\nsleep 1000\n`, {
      mode: 0o755,
    });
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    writeFileSync(
      join(folder, 'prepare.mjs'),
      `import { prepare } from ${JSON.stringify(here('prepare.mjs'))};
         process.env.PATH = ${JSON.stringify(join(folder, 'bin'))} + ':' + process.env.PATH;
         await prepare(${JSON.stringify(folder)});`,
    );
    const run = npm(folder, 'exec node prepare.mjs');
    await eventually(() => existsSync(installing));
    const own = alive(folder).find((pid) => commandLine(pid) === 'node\0prepare.mjs\0');
    expect(own).toBeDefined();
    process.kill(found(whom === 'npm' ? run.child.pid : own), signal);
    await run.ended;
    await eventually(() => alive(folder).length === 0);
  });
});

describe.concurrent('a run of programs, as npm test has', () => {
  const programs = `
    import { runBound } from ${JSON.stringify(here('bound-process.mjs'))};
    process.exit(await runBound('sh', ['-c', 'trap "" TERM; sleep 1000 & echo up; sleep 1000; sleep 1000']));
  `;

  test.for(
    /** @type {const} */ ([
      ['SIGTERM', 'npm'],
      ['SIGINT', 'npm'],
      ['SIGKILL', 'npm'],
      ['SIGKILL', 'its own process'],
    ]),
  )('%s to %s alone ends them, those too that do not heed SIGTERM', async ([signal, whom], { folder }) => {
    writeFileSync(join(folder, 'programs.mjs'), programs);
    const run = npm(folder, 'exec node programs.mjs');
    await printed(run, /^up$/m);
    const own = alive(folder).find((pid) => commandLine(pid) === 'node\0programs.mjs\0');
    process.kill(found(whom === 'npm' ? run.child.pid : own), signal);
    await run.ended;
    await eventually(() => alive(folder).length === 0);
  });
});

test.each([
  ['exit 7', 7],
  ['kill -9 $$', 137],
  ['true', 0],
])('the status of a program is passed on: %s', async (script, status) => {
  expect(await runBound('sh', ['-c', script])).toBe(status);
});

test('a program that cannot be started is told by status 127', async ({ folder }) => {
  expect(await runBound(join(folder, 'missing'), [])).toBe(127);
});

test('what a program leaves running does not outlive it', async ({ folder }) => {
  const file = join(folder, 'pid');
  const { exited } = spawnBound('sh', ['-c', `sleep 1000 & echo $! > ${file}`]);
  expect(await exited).toBe(0);
  const left = readFileSync(file, 'utf8').trim();
  // Killed, it may be a while until it is reaped.
  const gone = () => {
    try {
      return / [ZX] /.test(readFileSync(`/proc/${left}/stat`, 'utf8'));
    } catch {
      return true;
    }
  };
  await eventually(gone);
});
