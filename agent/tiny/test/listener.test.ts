import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reservedPort } from '../../../toolchain/loopback-port.mjs';
import { run, temporaryDirectory } from './guest.ts';

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
      {
        kind: 'other',
        size: 0,
        mode: 0o600,
        id: expect.stringMatching(/^\d+:\d+$/),
        writable: true,
      },
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
        // A program that checks whether a socket is live connects to it.
        const nothing = () => undefined;
        const accept = (socket: { end(): void }) => ({
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: () => socket.end(),
          closed: nothing,
        });
        let failures = 0;
        const listen = (name: string, path: string) =>
          native.network.listenLocal(path, accept, (error) => {
            report(name, error.code);
            failures += 1;
            if (failures === 4) first.close();
          });
        const first = listen('stale', stalePath);
        listen('live', stalePath);
        listen('plain', plainPath);
        listen('long', longPath);
        listen('missing', `${plainPath}/nowhere`);
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

describe('TCP on an address of this machine', () => {
  it('carries bytes, says why it cannot, and is gone when it is closed', async () => {
    const guest = run(
      (native, report, given) => {
        const { network } = native;
        const port = Number(given);
        const listen = (address: string, done: () => void) => {
          const listener = network.listenTcp?.(
            address,
            port,
            (socket) => ({
              connected: () => undefined,
              data: (bytes, start, end) => {
                socket.write(bytes, start, end);
                socket.end();
              },
              taken: () => undefined,
              ended: () => undefined,
              closed: (error) => {
                report('accepted closed', error);
                listener?.close();
                done();
              },
            }),
            (error) => {
              report('failed', error);
              done();
            },
          );
        };
        listen('127.0.0.1', () => listen('192.0.2.1', () => listen('no address', () => undefined)));
        const client = network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => client.write(Uint8Array.from([1, 2])),
            data: (bytes, start, end) => report('echoed', Array.from(bytes.subarray(start, end))),
            taken: () => undefined,
            ended: () => client.end(),
            closed: (error) => report('client closed', error),
          },
        );
      },
      String(await reservedPort()),
    );
    const events = await guest.finish();
    expect(events).toContainEqual(['echoed', [1, 2]]);
    expect(events).toContainEqual(['client closed', null]);
    expect(events).toContainEqual(['accepted closed', null]);
    const failures = events.filter(([what]) => what === 'failed');
    expect(failures).toHaveLength(2);
  });
});
