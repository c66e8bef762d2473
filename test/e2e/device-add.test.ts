import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../checkout.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** What `rm-reflector device add` prints is what the agent of that device needs. */

/** The agents of both hosts, as `npm test` has made them. */
const agents = [['node', 'dist/node/rm-agent.mjs'], ['dist/x86_64/rm-agent']].filter((words) =>
  existsSync(join(root, words.at(-1) ?? '')),
);

let system: RemoteSystem;

beforeAll(async () => {
  system = await RemoteSystem.start({ services: [], agent: null });
});
afterAll(() => system.stop());

function add(...args: readonly string[]): string {
  const program = join(root, 'reflector-minimal/dist/main.js');
  const data = ['--data', join(system.directory, 'reflector.sqlite')];
  const command = [program, 'device', 'add', ...args, ...data];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
}

describe.each(agents.map((words, index) => [words.join(' '), words, index] as const))(
  '%s takes',
  (_name, [program = '', ...leading], index) => {
    // `--dial`: with what is printed, it would ask an agent that happens to run on this machine.
    const check = (file: string, before: readonly string[] = []) => {
      const command = [...before, program, ...leading, 'check', '--dial', '--config', file];
      const [first = '', ...rest] = command;
      const { status, stdout, stderr } = spawnSync(first, rest, { cwd: root, encoding: 'utf8' });
      return { status, report: stdout + stderr };
    };
    // Its services may listen here or not.
    const connected = { status: expect.toBeOneOf([0, 75]), report: expect.stringMatching(/^ok {5}upgrade/m) };

    it('what is printed, from a pipe', () => {
      const file = join(system.directory, `printed-${index}.json`);
      writeFileSync(file, add(`printed-${index}`));
      // A pipe of the shell: Node would give its child a socket, which has no path.
      const piped = ['sh', '-c', `cat ${file} | "$@"`, 'sh'];
      expect(check('/dev/stdin', piped)).toEqual(connected);
    });

    it('what is printed for Digest', () => {
      const file = join(system.directory, `digest-${index}.json`);
      writeFileSync(file, add(`Digest-${index}`, '--digest'));
      chmodSync(file, 0o600);
      expect(check(file)).toEqual(connected);
    });

    it('what --config has written, without a warning', () => {
      const file = join(system.directory, `written-${index}.json`);
      add(`written-${index}`, '--config', file, '--url', `http://127.0.0.1:${system.port}`);
      const checked = check(file);
      expect(checked).toEqual(connected);
      expect(checked.report).not.toContain('mode');
    });
  },
);
