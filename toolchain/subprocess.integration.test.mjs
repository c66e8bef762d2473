import { describe, expect, it } from 'vitest';
import { BuildError, eachOf, run } from './subprocess.mjs';

describe('run', () => {
  it('gives standard output', async () => {
    expect(await run('sh', ['-c', 'echo out; echo noise >&2'])).toBe('out\n');
    expect(await run('cat', [], { input: 'text' })).toBe('text');
  });

  it('fails with the last words and the status, or the reason why it did not start', async () => {
    await expect(run('sh', ['-c', 'seq 100; exit 3'])).rejects.toThrow(
      /^81\n(?:\d+\n)*100\nsh ended with status 3$/,
    );
    await expect(run('sh', ['-c', 'kill -TERM $$'])).rejects.toThrow('sh ended with SIGTERM');
    await expect(run('no-such-program', [])).rejects.toThrow(new BuildError('no-such-program: not found'));
  });

  it('says in one line that the disk is full, whatever else a compiler said', async () => {
    const script = 'echo cat: write error: No space left on device >&2; seq 50; exit 2';
    await expect(run('sh', ['-c', script])).rejects.toThrow(
      new BuildError('sh: cat: write error: No space left on device'),
    );
  });
});

describe('eachOf', () => {
  it('works on all items and never on more than the limit at once', async () => {
    let running = 0;
    let most = 0;
    /** @type {number[]} */
    const done = [];
    await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      done.push(item);
    });
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('begins nothing more after a failure', async () => {
    /** @type {number[]} */
    const begun = [];
    const work = async (/** @type {number} */ item) => {
      begun.push(item);
      if (item === 2) throw new Error('two');
    };
    await expect(eachOf([1, 2, 3], 1, work)).rejects.toThrow('two');
    expect(begun).toEqual([1, 2]);
  });
});
