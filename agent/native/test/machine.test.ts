import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { run, runWith, temporaryDirectory, underValgrind } from './guest.ts';

describe('the clock', () => {
  it('runs timers in the order they are due, never early, and not when cancelled', async () => {
    const guest = run((native, report) => {
      const begin = native.clock.now();
      const at = (delay: number) =>
        native.clock.schedule(delay, () => report('ran', delay, native.clock.now() - begin >= delay));
      for (const delay of [70, 10, 50, 30, 0]) at(delay);
      const cancelled = at(20);
      cancelled.cancel();
      cancelled.cancel();
      const late = native.clock.schedule(40, () => report('late'));
      native.clock.schedule(35, () => late.cancel());
      report('called');
    });
    expect(await guest.finish()).toEqual([
      ['called'],
      ...[0, 10, 30, 50, 70].map((delay) => ['ran', delay, true]),
    ]);
  });

  it('keeps its order with many timers', async () => {
    const guest = run((native, report) => {
      // A timer is due between these two moments.
      const seen: { earliest: number; latest: number }[] = [];
      let state = 7;
      for (let i = 0; i < 500; i++) {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        const delay = state % 100;
        const entry = { earliest: native.clock.now() + delay, latest: 0 };
        const timer = native.clock.schedule(delay, () => seen.push(entry));
        entry.latest = native.clock.now() + delay;
        if (state % 3 === 0) timer.cancel();
      }
      native.clock.schedule(500, () => {
        const wrong = seen.filter(({ latest }, i) => latest < (seen[i - 1]?.earliest ?? 0));
        report('ran', seen.length > 200, wrong);
      });
    });
    expect(await guest.finish()).toEqual([['ran', true, []]]);
  });

  it('tells the date', async () => {
    const before = Date.now();
    const [date] = await run((native, report) => report('date', native.clock.date())).expect('date');
    expect(date).toBeGreaterThanOrEqual(before);
    expect(date).toBeLessThanOrEqual(Date.now());
  });
});

describe('cryptography', () => {
  it('digests as Node does', async () => {
    const names = { 'sha-1': 'sha1', 'sha-256': 'sha256', md5: 'md5' } as const;
    const lengths = [0, 1, 55, 56, 63, 64, 65, 1000, 70_000];
    const guest = run(
      (native, report, algorithms, sizes) => {
        for (const algorithm of algorithms as ('sha-1' | 'sha-256' | 'md5')[]) {
          for (const size of sizes as number[]) {
            const data = new Uint8Array(size).map((_, i) => i * 31);
            report(algorithm, size, Array.from(native.crypto.digest(algorithm, data)));
          }
        }
      },
      Object.keys(names),
      lengths,
    );
    expect(await guest.finish()).toEqual(
      Object.entries(names).flatMap(([algorithm, name]) =>
        lengths.map((size) => {
          const data = new Uint8Array(size).map((_, i) => i * 31);
          return [algorithm, size, [...createHash(name).update(data).digest()]];
        }),
      ),
    );
  });

  it('masks at every alignment, length and phase', async () => {
    const guest = run((native, report) => {
      const key = Uint8Array.from([0x12, 0x9f, 0xe3, 0x47]);
      const source = new Uint8Array(96).map((_, i) => i * 37 + 11);
      let wrong = 0;
      let cases = 0;
      for (let start = 0; start < 9; start++) {
        for (let length = 0; length < 40; length++) {
          for (let at = 0; at < 9; at++) {
            for (let phase = 0; phase < 5; phase++) {
              const target = new Uint8Array(64).fill(0xaa);
              native.crypto.mask(source, start, start + length, target, at, key, phase);
              cases++;
              for (let i = 0; i < target.length; i++) {
                const inside = i >= at && i < at + length;
                const byte = (source[start + i - at] ?? 0) ^ (key[(i - at + phase) & 3] ?? 0);
                if (target[i] !== (inside ? byte : 0xaa)) wrong++;
              }
            }
          }
        }
      }
      const twice = source.slice();
      native.crypto.mask(twice, 3, 90, twice, 3, key, 1);
      native.crypto.mask(twice, 3, 90, twice, 3, key, 1);
      report(
        'masked',
        cases,
        wrong,
        twice.every((byte, i) => byte === source[i]),
      );
      try {
        native.crypto.mask(source, 0, 96, new Uint8Array(95), 0, key, 0);
      } catch (error) {
        report('refused', (error as Error).name);
      }
    });
    expect(await guest.finish()).toEqual([
      ['masked', 9 * 40 * 9 * 5, 0, true],
      ['refused', 'RangeError'],
    ]);
  });

  it('fills arrays with random bytes, and no others', async () => {
    const guest = run((native, report) => {
      const bytes = new Uint8Array(4096);
      native.crypto.random(bytes.subarray(0, 4000));
      const seen = new Set(bytes.subarray(0, 4000));
      report(
        'random',
        seen.size > 200,
        bytes.subarray(4000).every((byte) => byte === 0),
      );
    });
    expect(await guest.finish()).toEqual([['random', true, true]]);
  });
});

describe('names', () => {
  it('are resolved off the loop, to all their addresses', async () => {
    const guest = run((native, report) => {
      native.network.resolve('localhost', (addresses, error) => report('localhost', addresses, error));
      report('called');
    });
    await guest.expect('called');
    const [addresses, error] = await guest.expect('localhost');
    expect(error).toBeNull();
    expect(addresses).toContainEqual({ address: '127.0.0.1', family: 4 });
  });

  it('that are literals give themselves', async () => {
    const guest = run((native, report) => {
      for (const name of ['192.0.2.7', '2001:db8::1']) {
        native.network.resolve(name, (addresses, error) => report('found', addresses, error));
      }
      report('called');
    });
    expect(await guest.finish()).toEqual([
      ['called'],
      ['found', [{ address: '192.0.2.7', family: 4 }], null],
      ['found', [{ address: '2001:db8::1', family: 6 }], null],
    ]);
  });

  it.each(['device.invalid', '', 'x'.repeat(300)])('fail when nobody knows "%s"', async (name) => {
    const guest = run((native, report, wanted) => {
      native.network.resolve(wanted, (addresses, error) => report('failed', addresses.length, error?.code));
    }, name);
    const [[event, count, code] = []] = await guest.finish();
    expect([event, count]).toEqual(['failed', 0]);
    expect(['name-not-found', 'name-failure']).toContain(code);
  });

  it('are not looked up any more once cancelled', async () => {
    const guest = run((native, report) => {
      for (const name of ['localhost', 'device.invalid', '127.0.0.1']) {
        native.network.resolve(name, () => report('answer')).cancel();
      }
    });
    expect(await guest.finish()).toEqual([]);
  });
});

describe('processes', () => {
  const options = { timeoutMs: 20_000, maxOutputBytes: 1000 };

  it.each([
    ['its output', ['printf', 'a b'], options, { status: 0, output: 'a b', timedOut: false, error: null }],
    ['its status', ['sh', '-c', 'exit 3'], options, { status: 3, output: '', timedOut: false, error: null }],
    [
      'its signal',
      ['sh', '-c', 'kill -TERM $$'],
      options,
      { status: 143, output: '', timedOut: false, error: null },
    ],
    ['no input', ['cat'], options, { status: 0, output: '', timedOut: false, error: null }],
    [
      'no errors',
      ['sh', '-c', 'echo lost >&2'],
      options,
      { status: 0, output: '', timedOut: false, error: null },
    ],
    [
      'its output up to the bound',
      ['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" x'],
      { timeoutMs: 20_000, maxOutputBytes: 5 },
      { status: 0, output: 'xxxxx', timedOut: false, error: null },
    ],
    [
      'that its time was over, with all it had started',
      ['sh', '-c', 'echo begun; sleep 1000 | sleep 1000'],
      { timeoutMs: 200, maxOutputBytes: 100 },
      { status: 137, output: 'begun\n', timedOut: true, error: null },
    ],
  ] as const)('tell %s', async (_name, command, { timeoutMs, maxOutputBytes }, result) => {
    const guest = run(
      (native, report, words, timeout, bound) => {
        native.processes.run(words as string[], timeout, bound, [], ({ status, output, timedOut, error }) => {
          report('done', { status, output: String.fromCharCode(...output), timedOut, error });
        });
        report('called');
      },
      [...command],
      timeoutMs,
      maxOutputBytes,
    );
    expect(await guest.finish()).toEqual([['called'], ['done', result]]);
  });

  // Under valgrind the C library learns of it too late, because there its vfork is a fork.
  it.skipIf(underValgrind)('tell that a program does not exist', async () => {
    const guest = run((native, report) => {
      native.processes.run(['/nonexistent/program'], 1000, 100, [], ({ status, error }) => {
        report('done', status, error?.code, error?.message);
      });
    });
    expect(await guest.finish()).toEqual([['done', null, 'not-found', 'no such file']]);
  });

  it('get an environment that adds to the own, and no signal that is blocked', async () => {
    const guest = runWith({ environment: { KEPT: 'kept', CHANGED: 'old' } }, (native, report) => {
      native.system.onSignal('SIGTERM', () => undefined);
      const script = 'echo $KEPT $CHANGED $ADDED; grep SigBlk /proc/self/status';
      native.processes.run(
        ['sh', '-c', script],
        20_000,
        1000,
        ['CHANGED=new', 'ADDED=added'],
        ({ output }) => {
          report('done', String.fromCharCode(...output));
          native.system.exit(0);
        },
      );
    });
    const [output] = await guest.expect('done');
    expect(output).toMatch(/^kept new added\nSigBlk:\s*0+\n$/);
  });

  it('are heard of where whoever has started the agent ignored the end of children', async () => {
    const guest = runWith({ before: ['env', '--ignore-signal=CHLD'] }, (native, report) => {
      native.processes.run(['sh', '-c', 'exit 3'], 20_000, 0, [], ({ status }) => report('done', status));
    });
    expect(await guest.finish()).toEqual([['done', 3]]);
  });

  it('are not heard of once cancelled, and do not go on', async () => {
    const directory = temporaryDirectory();
    const guest = run((native, report, path) => {
      const script = `sleep 0.3; touch ${path}/after`;
      native.processes.run(['sh', '-c', script], 20_000, 100, [], () => report('done')).cancel();
      native.clock.schedule(600, () => report('later'));
    }, directory);
    expect(await guest.finish()).toEqual([['later']]);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('the time zone', () => {
  const offset = (before: readonly string[], environment: Readonly<Record<string, string>>) =>
    runWith({ before, environment }, (_native, report) =>
      report('offset', -new Date(Date.UTC(2026, 6, 1)).getTimezoneOffset()),
    );
  /** A machine of OpenWrt, as far as time zones go. */
  const openWrt = [
    'unshare',
    '-m',
    'sh',
    '-c',
    'mount -t tmpfs none /etc && echo CET-1CEST > /etc/TZ && exec "$0" "$@"',
  ];

  it('is that of TZ', async () => {
    expect(await offset([], { TZ: 'IST-5:30' }).finish()).toEqual([['offset', 330]]);
  });

  it.skipIf(underValgrind)('is that of /etc/TZ where nothing else names one', async () => {
    expect(await offset(openWrt, {}).finish()).toEqual([['offset', 120]]);
    expect(await offset(openWrt, { TZ: 'UTC' }).finish()).toEqual([['offset', 0]]);
  });
});

describe('local sockets', () => {
  it('carry bytes both ways, with mode 0600, and leave no file behind', async () => {
    const path = join(temporaryDirectory(), 'control');
    const guest = run((native, report, file) => {
      const listener = native.network.listenLocal(
        file,
        (socket) => ({
          connected: () => report('connected on accept'),
          data: (bytes, start, end) => {
            socket.write(bytes, start, end);
            socket.end();
          },
          taken: () => undefined,
          ended: () => undefined,
          closed: (error) => {
            report('accepted closed', error);
            listener.close();
          },
        }),
        (error) => report('failed', error),
      );
      const client = native.network.connectLocal(file, {
        connected: () => {
          report('mode', native.files.stat(file));
          client.write(Uint8Array.from([1, 2]));
        },
        data: (bytes, start, end) => report('echoed', Array.from(bytes.subarray(start, end))),
        taken: () => undefined,
        ended: () => client.end(),
        closed: (error) => report('client closed', error),
      });
    }, path);
    const events = await guest.finish();
    expect(events).toContainEqual([
      'mode',
      { kind: 'other', size: 0, mode: 0o600, id: expect.stringMatching(/^\d+:\d+$/) },
    ]);
    expect(events).toContainEqual(['echoed', [1, 2]]);
    expect(events).toContainEqual(['client closed', null]);
    expect(events).toContainEqual(['accepted closed', null]);
    expect(events).not.toContainEqual(['connected on accept']);
    expect(existsSync(path)).toBe(false);
  });

  it('leave alone what somebody else has put in their place', async () => {
    const path = join(temporaryDirectory(), 'control');
    const guest = run((native, report, where) => {
      const accept = (): never => {
        throw new Error('nobody calls');
      };
      const listener = native.network.listenLocal(where, accept, (error) => report('failed', error.code));
      native.system.onSignal('SIGUSR1', () => listener.close());
      report('listens');
    }, path);
    await guest.expect('listens');
    rmSync(path);
    writeFileSync(path, 'of another');
    guest.process.kill('SIGUSR1');
    expect(await guest.finish()).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  it('replace a stale file, but neither a live one nor one of another kind', async () => {
    const directory = temporaryDirectory();
    const [stale, plain] = [join(directory, 'stale'), join(directory, 'plain')];
    writeFileSync(plain, 'precious');
    const die =
      "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    expect(spawnSync(process.execPath, ['-e', die, stale]).signal).toBe('SIGKILL');
    expect(existsSync(stale)).toBe(true);
    const guest = run(
      (native, report, stalePath, plainPath, longPath) => {
        // Who looks whether a socket is live connects to it.
        const nothing = () => undefined;
        const accept = (socket: { end(): void }) => ({
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: () => socket.end(),
          closed: nothing,
        });
        const listen = (name: string, path: string) =>
          native.network.listenLocal(path, accept, (error) => report(name, error.code));
        const first = listen('stale', stalePath);
        listen('live', stalePath);
        listen('plain', plainPath);
        listen('long', longPath);
        listen('missing', `${plainPath}/nowhere`);
        native.clock.schedule(100, () => first.close());
      },
      stale,
      plain,
      `${directory}/${'x'.repeat(120)}`,
    );
    expect((await guest.finish()).sort()).toEqual([
      ['live', 'in-use'],
      ['long', 'other'],
      ['missing', 'not-found'],
      ['plain', 'in-use'],
    ]);
    expect(readFileSync(plain, 'utf8')).toBe('precious');
  });

  it('go to one of several that find a stale file at the same moment', async () => {
    const directory = temporaryDirectory();
    const rounds = 10;
    const leave = `for (let i = 0; i < ${rounds}; i++) require('node:net').createServer().listen('${directory}/' + i);
      setImmediate(() => process.kill(process.pid, 'SIGKILL'));`;
    spawnSync(process.execPath, ['-e', leave]);
    expect(readdirSync(directory)).toHaveLength(rounds);
    const guests = Array.from({ length: 3 }, () =>
      run(
        (native, report, folder, last) => {
          const handler = () => ({
            connected: () => undefined,
            data: () => undefined,
            taken: () => undefined,
            ended: () => undefined,
            closed: () => undefined,
          });
          const listen = (round: number) => {
            // Whoever has the last one keeps it until the test is over.
            if (round === last) return;
            report('ready');
            // As close together as two processors can be.
            while (native.files.stat(`${folder}/go-${round}`) === null);
            let outcome = 'listens';
            native.network.listenLocal(`${folder}/${round}`, handler, (error) => {
              outcome = error.code;
            });
            // In two turns of the loop the failure has come, if one comes.
            native.clock.schedule(0, () =>
              native.clock.schedule(0, () => {
                report(outcome);
                listen(round + 1);
              }),
            );
          };
          listen(0);
        },
        directory,
        rounds,
      ),
    );
    for (let round = 0; round < rounds; round++) {
      for (const guest of guests) await guest.expect('ready');
      writeFileSync(join(directory, `go-${round}`), '');
      const outcomes = await Promise.all(guests.map((guest) => guest.next()));
      expect(outcomes.flat().sort()).toEqual(['in-use', 'in-use', 'listens']);
    }
  });

  it('are not made while another agent looks for its own in the same directory', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'control');
    const other = spawn('flock', [directory, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    other.stdin.write('locked');
    await once(other.stdout, 'data');
    const guest = run((native, report, at) => {
      const nothing = () => undefined;
      const accept = () => ({
        connected: nothing,
        data: nothing,
        taken: nothing,
        ended: nothing,
        closed: nothing,
      });
      report('looks');
      const listener = native.network.listenLocal(at, accept, (error) => report('failed', error));
      report('listens');
      native.clock.schedule(0, () => listener.close());
    }, path);
    await guest.expect('looks');
    const sleeps = () =>
      Number(
        /^voluntary_ctxt_switches:\s+(\d+)/m.exec(
          readFileSync(`/proc/${guest.process.pid}/status`, 'utf8'),
        )?.[1],
      );
    // It has looked at the lock several times.
    for (const before = sleeps(); sleeps() < before + 10; await new Promise(setImmediate))
      expect(existsSync(path)).toBe(false);
    other.stdin.end();
    expect(await guest.finish()).toEqual([['listens']]);
  });

  it('fail when nobody listens', async () => {
    const guest = run(
      (native, report, path) => {
        const nothing = () => undefined;
        const closed = (error: { code: string } | null) => report('closed', error?.code);
        native.network.connectLocal(path, {
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: nothing,
          closed,
        });
      },
      join(temporaryDirectory(), 'nobody'),
    );
    expect(await guest.finish()).toEqual([['closed', 'not-found']]);
  });
});

describe('files', () => {
  it('are written so that a reader sees all or nothing, and only the owner may read', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'settings');
    writeFileSync(path, 'old', { mode: 0o644 });
    const guest = run((native, report, file) => {
      native.files.writeAtomically(file, Uint8Array.from([110, 101, 119]));
      report('read', Array.from(native.files.read(file, 3)));
      report('stat', native.files.stat(file));
      report('append', native.files.append(file, Uint8Array.from([33])));
      native.files.rename(file, `${file}.1`);
      native.files.remove(file);
      report('gone', native.files.stat(file));
      report('created', native.files.append(`${file}.2`, new Uint8Array(2)));
      report('list', native.files.list(file.slice(0, file.lastIndexOf('/'))).length);
    }, path);
    const events = await guest.finish();
    expect(events.slice(0, 5)).toEqual([
      ['read', [...Buffer.from('new')]],
      ['stat', { kind: 'file', size: 3, mode: 0o600, id: expect.stringMatching(/^\d+:\d+$/) }],
      ['append', 4],
      ['gone', null],
      ['created', 2],
    ]);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('new!');
    expect(statSync(`${path}.2`).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(['settings.1', 'settings.2']);
  });

  it('tell why they cannot be had', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'four'), '1234');
    mkdirSync(join(directory, 'folder'));
    const guest = run((native, report, folder) => {
      const attempt = (use: () => unknown) => {
        try {
          use();
          report('no failure');
        } catch (error) {
          report(
            'failure',
            (error as { code: string }).code,
            (error as Error).message,
            error instanceof Error,
          );
        }
      };
      attempt(() => native.files.read(`${folder}/none`, 10));
      attempt(() => native.files.read(`${folder}/four`, 3));
      attempt(() => native.files.read(`${folder}/folder`, 10));
      attempt(() => native.files.list(`${folder}/none`));
      attempt(() => native.files.writeAtomically(`${folder}/none/file`, new Uint8Array(1)));
      attempt(() => native.files.rename(`${folder}/none`, `${folder}/other`));
      attempt(() => native.files.writeAtomically('/proc/version', new Uint8Array(1)));
      attempt(() => native.files.append('/dev/full', new Uint8Array(10)));
    }, directory);
    expect((await guest.finish()).map(([event, ...rest]) => [event, ...rest.slice(0, 2)])).toEqual([
      ['failure', 'not-found', 'no such file'],
      ['failure', 'too-large', 'larger than 3 bytes'],
      ['failure', 'other', 'is a directory'],
      ['failure', 'not-found', 'no such file'],
      ['failure', 'not-found', 'no such file'],
      ['failure', 'not-found', 'no such file'],
      ['failure', expect.stringMatching(/access|not-found|other/), expect.any(String)],
      ['failure', 'no-resources', 'no space left'],
    ]);
    expect(readdirSync(directory).sort()).toEqual(['folder', 'four']);
  });

  it('without a size of their own are read whole', async () => {
    const guest = run((native, report) =>
      report('lines', native.files.read('/proc/self/status', 65_536).length > 100),
    );
    expect(await guest.finish()).toEqual([['lines', true]]);
  });
});

describe('the system', () => {
  it('tells arguments, environment and names', async () => {
    const guest = runWith({ environment: { RM_WORD: 'größer' } }, (native, report) => {
      const { system } = native;
      report(
        'told',
        system.environment('RM_WORD'),
        system.environment('RM_NONE') === undefined,
        system.hostName(),
      );
      report('more', system.nodeId(), system.platform(), system.residentMemory() > 100_000, system.arguments);
    });
    const [told, more] = await guest.finish();
    expect(told).toEqual(['told', 'größer', true, hostname()]);
    expect(more?.[1]).toMatch(/^[0-9a-f]{12}$/);
    expect(more?.[2]).toMatch(/^Linux\/\d+\.\d+.*; \w+$/);
    expect(more?.slice(3)).toEqual([true, []]);
  });

  it.each(['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'] as const)(
    'gets %s between two callbacks',
    async (name) => {
      const guest = run((native, report, signal) => {
        native.system.onSignal(signal, () => report('replaced'));
        native.system.onSignal(signal, () => {
          report('signal');
          native.system.exit(5);
        });
        report('ready');
        native.clock.schedule(60_000, () => undefined);
      }, name);
      await guest.expect('ready');
      guest.process.kill(name);
      await guest.expect('signal');
      expect(await guest.ending()).toEqual({ status: 5, signal: null, stderr: '' });
    },
  );

  it('prints all of a text to a reader that is slow, and lives on when nobody reads', async () => {
    const guest = run((native, report) => {
      native.system.print(1, `"${'x'.repeat(1_000_000)}"\n`);
      report('printed');
    });
    const output = guest.process.stdout as Readable;
    // What it prints is far more than a pipe holds, and is read from when there is something in it.
    output.pause();
    await once(output, 'readable');
    output.resume();
    await expect(guest.finish()).resolves.toHaveLength(2);
    const closed = run((native, _report) => {
      for (let i = 0; i < 100; i++) native.system.print(1, 'x'.repeat(10_000));
      native.system.exit(7);
    });
    closed.process.stdout?.destroy();
    expect((await closed.ending()).status).toBe(7);
  });

  it('ends at once with the status asked for', async () => {
    const guest = run((native, report) => {
      native.clock.schedule(0, () => {
        report('before');
        native.system.exit(69);
        report('after');
      });
      native.clock.schedule(1, () => report('another'));
    });
    expect(await guest.ending()).toEqual({ status: 69, signal: null, stderr: '' });
    await guest.expect('before');
    await expect(guest.expect('anything')).rejects.toThrow('no event');
  });
});

describe('a defect', () => {
  it('that throws ends the process with the trace', async () => {
    const guest = run((native) => {
      native.clock.schedule(0, function stumble() {
        throw new TypeError('no such thing');
      });
    });
    const { status, stderr } = await guest.ending();
    expect(status).toBe(70);
    expect(stderr).toMatch(/^rm-agent: defect: TypeError: no such thing\n\s+at stumble/);
  });

  it('that rejects a promise nobody handles ends the process, a handled one does not', async () => {
    const handled = run((_native, report) => {
      Promise.reject(new Error('handled')).catch(() => report('caught'));
    });
    expect(await handled.finish()).toEqual([['caught']]);
    const { status, stderr } = await run(() => {
      Promise.reject(new Error('lost'));
    }).ending();
    expect(status).toBe(70);
    expect(stderr).toMatch(/defect: Error: lost/);
  });

  it('that fills the memory ends the process when the limit is reached', async () => {
    const guest = run((native) => {
      native.memoryLimit(4_000_000);
      const kept: Uint8Array[] = [];
      try {
        for (;;) kept.push(new Uint8Array(100_000));
      } catch {
        // Out of memory is not to be caught.
        for (;;) kept.push(new Uint8Array(100_000));
      }
    });
    const { status, stderr } = await guest.ending();
    expect(status).toBe(71);
    expect(stderr).toBe('rm-agent: memory limit of 4000000 bytes reached\n');
  });

  it('that recurses without end is thrown to the script', async () => {
    const guest = run((_native, report) => {
      const fall = (depth: number): number => fall(depth + 1) + 1;
      try {
        fall(0);
      } catch (error) {
        report('caught', (error as Error).name);
      }
    });
    expect((await guest.finish())[0]?.[0]).toBe('caught');
  });
});

it('frees what it has used: a thousand connections and timers leave the memory as ten do', async () => {
  const guest = run((native, report) => {
    const after: number[] = [];
    let round = 0;
    const next = () => {
      round++;
      if (round === 10 || round === 1000) {
        native.collect();
        after.push(native.memoryUsed(), native.files.list('/proc/self/fd').length);
      }
      if (round === 1000) {
        report('used', ...after);
        return;
      }
      const nothing = () => undefined;
      native.network.connect(
        { address: '127.0.0.1', port: 1 },
        {
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: nothing,
          closed: () => native.clock.schedule(0, next),
        },
      );
    };
    next();
  });
  const [memory, descriptors, memoryAfter, descriptorsAfter] = (await guest.expect('used')) as number[];
  expect(memoryAfter).toBeLessThan((memory ?? 0) + 2000);
  expect(descriptorsAfter).toBe(descriptors);
});
