import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root as checkout } from '../checkout.ts';
import { until } from '../system/booted-system.ts';

/**
 * What a power cut leaves of a directory, by a model stricter than ext4 and UBIFS: content that was not synced may be
 * lost from any byte on, and changes of names that were not followed by a sync of the directory may be lost from any of
 * them on.
 */

interface Inode {
  /** What is written in all; where it was synced is known from the steps. */
  readonly path: string;
}
type Step =
  | { readonly kind: 'name'; readonly name: string; readonly file: Inode }
  | { readonly kind: 'write'; readonly file: Inode; readonly text: string }
  | { readonly kind: 'sync'; readonly file: Inode }
  | { readonly kind: 'sync directory' };

const agent = join(checkout, 'dist/x86_64/rm-agent');

/** What strace has seen of a directory. */
function readTrace(trace: string, directory: string): Step[] {
  const steps: Step[] = [];
  const open = new Map<string, Inode | null>();
  const names = new Map<string, Inode>();
  for (const line of trace.split('\n')) {
    const [, path = '', flags = '', opened] =
      /open(?:at)?\((?:AT_FDCWD, )?"([^"]*)", ([A-Z_|]+).* = (\d+)$/.exec(line) ?? [];
    if (opened !== undefined) {
      open.delete(opened);
      if (path === directory) open.set(opened, null);
      else if (path.startsWith(`${directory}/`) && flags.includes('O_CREAT')) {
        const file = { path };
        names.set(path, file);
        open.set(opened, file);
        steps.push({ kind: 'name', name: path, file });
      }
    }
    const [, call, fd = '', text = ''] = /(write|fsync)\((\d+)(?:, "(.*)", \d+)?\) += \d+$/.exec(line) ?? [];
    const file = open.get(fd);
    if (call === 'write' && file) steps.push({ kind: 'write', file, text: JSON.parse(`"${text}"`) });
    if (call === 'fsync' && file) steps.push({ kind: 'sync', file });
    if (call === 'fsync' && file === null) steps.push({ kind: 'sync directory' });
    const [, from = '', to = ''] = /rename\("([^"]*)", "([^"]*)"\) += 0$/.exec(line) ?? [];
    const moved = names.get(from);
    if (moved) {
      names.set(to, moved);
      steps.push({ kind: 'name', name: to, file: moved });
    }
  }
  return steps;
}

/** The same numbers in each run. */
function numbers(): (bound: number) => number {
  let seed = 1;
  return (bound) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % bound;
  };
}

/** Cuts the power 1,000 times, and returns what `state` must not hold then; `wanted` is what was saved in turn. */
function cutPower(steps: readonly Step[], state: string, wanted: readonly string[]): string[] {
  const below = numbers();
  const wrong: string[] = [];
  for (let round = 0; round < 1000; round++) {
    const cut = below(steps.length + 1);
    const durable = new Map<string, Inode>();
    const content = new Map<Inode, { text: string; synced: number }>();
    let pending: { readonly name: string; readonly file: Inode }[] = [];
    let saved = 0;
    const settle = (count: number) => {
      for (const { name, file } of pending.slice(0, count)) durable.set(name, file);
    };
    for (const step of steps.slice(0, cut)) {
      if (step.kind === 'name') pending.push(step);
      else if (step.kind === 'sync directory') {
        settle(pending.length);
        if (pending.some(({ name }) => name === state)) saved++;
        pending = [];
      } else {
        const known = content.get(step.file) ?? { text: '', synced: 0 };
        if (step.kind === 'sync') known.synced = known.text.length;
        else known.text += step.text;
        content.set(step.file, known);
      }
    }
    settle(below(pending.length + 1));
    const left = durable.get(state);
    const { text, synced } = (left && content.get(left)) ?? { text: '', synced: 0 };
    const found = left && text.slice(0, synced + below(text.length - synced + 1));
    const allowed = [wanted[saved - 1], wanted[saved] ?? wanted[saved - 1]];
    if (!allowed.includes(found?.replace(/\n$/, '')))
      wrong.push(`${found} after ${cut} of ${steps.length} calls`);
  }
  return wrong;
}

it('a power cut at any point leaves the old choice or the new one, and never loses one that was reported', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rm-power-'));
  const config = join(directory, 'configuration');
  const device = { id: 'a', domain: 'd', password: 'p' };
  const json = JSON.stringify({ reflector: 'http://127.0.0.1:9/', device, services: [{ port: 80 }] });
  writeFileSync(config, json, { mode: 0o600 });
  const env = { ...process.env, RM_STATE_DIR: directory };
  const trace = join(tmpdir(), `${directory.slice(tmpdir().length + 1)}.trace`);
  const calls = 'open,openat,write,fsync,rename,sendto,unlink';
  let strace: ChildProcess | null = null;
  try {
    const words = ['-f', '-s', '200', '-o', trace, '-e', `trace=${calls}`, agent, '--config', config];
    strace = spawn('strace', words, { env, stdio: 'ignore' });
    await until(() => existsSync(join(directory, 'rm-agent.sock')));
    const wanted = ['disabled', 'enabled', 'disabled', 'enabled', 'disabled'];
    for (const choice of wanted) {
      const command = [choice.slice(0, -1), '--persist', '--config', config];
      expect(spawnSync(agent, command, { env }).status).toBe(0);
    }
    spawnSync('pkill', ['-TERM', '-P', String(strace.pid)]);
    await until(() => strace?.exitCode !== null);
    const steps = readTrace(readFileSync(trace, 'utf8'), directory);
    expect(steps.filter(({ kind }) => kind === 'sync directory')).toHaveLength(wanted.length);
    const state = join(directory, 'rm-agent.state');
    expect(cutPower(steps, state, wanted)).toEqual([]);
    // The model finds what it is there for.
    const unsynced = steps.filter(({ kind }) => kind !== 'sync');
    expect(cutPower(unsynced, state, wanted).length).toBeGreaterThan(10);
    // The agent has touched nothing else, and leaves no rest.
    expect(readFileSync(config, 'utf8')).toBe(json);
    expect(readdirSync(directory).sort()).toEqual(['configuration', 'rm-agent.state']);
  } finally {
    strace?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    rmSync(trace, { force: true });
  }
});
