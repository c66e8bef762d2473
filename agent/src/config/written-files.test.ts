import { describe, expect, it } from 'vitest';
import { errors, type FakeFile, machine, minimal, path } from '../../simulation/loading.ts';
import { load } from './load.ts';

const directory: FakeFile = { content: '', mode: 0o700, kind: 'directory' };

/** Loads a configuration where these directories exist. */
function loadWhere(members: object, directories: readonly string[], variables = {}) {
  const files = Object.fromEntries(directories.map((name) => [name, directory]));
  const content = JSON.stringify({ ...minimal, ...members });
  return load(machine({ [path]: { content }, ...files }, undefined, variables), path);
}

/** Where control socket, state file and log are. */
function placesIn(...args: Parameters<typeof loadWhere>) {
  const loaded = loadWhere(...args);
  if ('errors' in loaded) throw new Error(loaded.errors.join());
  const { control, stateFile, log } = loaded.ok;
  return [control, stateFile, typeof log.to === 'object' ? log.to.file : log.to];
}

describe('what the agent writes', () => {
  it('is in directories of its own, where the init system has made them', () => {
    expect(placesIn({}, [])).toEqual(['/run/rm-agent.sock', '/var/lib/rm-agent.state', 'stderr']);
    expect(placesIn({}, ['/run/rm-agent', '/var/lib/rm-agent'])).toEqual([
      '/run/rm-agent/rm-agent.sock',
      '/var/lib/rm-agent/rm-agent.state',
      'stderr',
    ]);
    expect(placesIn({}, ['/var/run/rm-agent'])[0]).toBe('/var/run/rm-agent/rm-agent.sock');
  });

  it('stays where the configuration says', () => {
    const given = { control: '/run/a', stateFile: '/var/lib/b', log: { to: { file: '/var/log/c' } } };
    const expected = ['/run/a', '/var/lib/b', '/var/log/c'];
    expect(placesIn(given, ['/run/rm-agent', '/var/lib/rm-agent'])).toEqual(expected);
    expect(placesIn({ control: null, stateFile: null }, ['/run/rm-agent'])).toEqual([null, null, 'stderr']);
  });

  it.each(['/data', '/data/', '/'])('is all moved by RM_STATE_DIR=%s', (RM_STATE_DIR) => {
    const base = RM_STATE_DIR.replace(/\/$/, '');
    const given = { control: '/run/a', stateFile: '/var/lib/b', log: { to: { file: '/var/log/c' } } };
    const variables = { RM_STATE_DIR };
    expect(placesIn(given, ['/run/rm-agent'], variables)).toEqual([`${base}/a`, `${base}/b`, `${base}/c`]);
    expect(placesIn({}, ['/run/rm-agent'], variables).slice(0, 2)).toEqual([
      `${base}/rm-agent.sock`,
      `${base}/rm-agent.state`,
    ]);
    expect(placesIn({ control: null, stateFile: null }, [], variables)).toEqual([null, null, 'stderr']);
  });

  it('is not moved by an empty RM_STATE_DIR, and a relative one is an error', () => {
    expect(placesIn({}, [], { RM_STATE_DIR: '' })[0]).toBe('/run/rm-agent.sock');
    expect(errors(loadWhere({}, [], { RM_STATE_DIR: 'data' }))).toEqual([
      'RM_STATE_DIR: found "data", allowed is an absolute path',
    ]);
  });
});
