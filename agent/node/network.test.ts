import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually, Recorder } from '../simulation/recorder.ts';
import type { HostError, Listener, Socket } from '../src/host.ts';
import { network } from './network.ts';

/** What another process does once, behind a link or before a rename. */
const meanwhile = vi.hoisted(() => ({
  linkSync: null as (() => void) | null,
  renameSync: null as (() => void) | null,
}));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const elsewhere = (name: keyof typeof meanwhile) => {
    const act = meanwhile[name];
    meanwhile[name] = null;
    act?.();
  };
  return {
    ...fs,
    linkSync(from: string, to: string) {
      try {
        fs.linkSync(from, to);
      } finally {
        elsewhere('linkSync');
      }
    },
    renameSync(from: string, to: string) {
      elsewhere('renameSync');
      fs.renameSync(from, to);
    },
  };
});

let directory: string;
let path: string;
let listeners: Listener[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rm-network-'));
  path = join(directory, 'control.sock');
  listeners = [];
});

afterEach(() => {
  for (const listener of listeners) listener.close();
  rmSync(directory, { recursive: true });
});

/** Listens at the path and echoes. */
function listen(at = path): { failures: HostError[]; sockets: Socket[]; listener: Listener } {
  const failures: HostError[] = [];
  const sockets: Socket[] = [];
  const listener = network.listenLocal(
    at,
    (socket) => {
      sockets.push(socket);
      return {
        connected: () => failures.push({ code: 'other', message: 'connected was called' }),
        data: (bytes, start, end) => void socket.write(bytes, start, end),
        taken: () => undefined,
        ended: () => socket.end(),
        closed: () => undefined,
      };
    },
    (error) => failures.push(error),
  );
  listeners.push(listener);
  return { failures, sockets, listener };
}

/** Says hello over the local socket and returns what comes back. */
async function hello(at = path): Promise<string> {
  const recorder = new Recorder();
  const socket = network.connectLocal(at, recorder);
  socket.write(Buffer.from('hello'));
  socket.end();
  await eventually(() => expect(recorder.events.at(-1)).toMatch(/^closed/));
  return recorder.received.text || `${recorder.error?.code}`;
}

const isSocket = () => statSync(path).isSocket();

describe('listenLocal', () => {
  it('serves a socket file of mode 0600, and takes it away in the end', async () => {
    const before = process.umask();
    const { failures, listener } = listen();
    expect(process.umask()).toBe(before);
    await eventually(async () => expect(await hello()).toBe('hello'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    listener.close();
    await eventually(() => expect(existsSync(path)).toBe(false));
    expect(failures).toEqual([]);
  });

  it('leaves a live socket alone', async () => {
    const first = listen();
    await eventually(async () => expect(await hello()).toBe('hello'));
    const second = listen();
    await eventually(() => expect(second.failures.map(({ code }) => code)).toEqual(['in-use']));
    expect(await hello()).toBe('hello');
    expect([first.failures, second.sockets]).toEqual([[], []]);
  });

  it('replaces what a process that was killed has left', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(isSocket()).toBe(true);
    const { failures } = listen();
    await eventually(async () => expect(await hello()).toBe('hello'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(failures).toEqual([]);
  });

  it('leaves it to one of those that find it at the same moment', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    const all = Array.from({ length: 5 }, () => listen());
    await eventually(() => expect(all.flatMap(({ failures }) => failures)).toHaveLength(4));
    expect(new Set(all.flatMap(({ failures }) => failures.map(({ code }) => code)))).toEqual(
      new Set(['in-use']),
    );
    expect(await hello()).toBe('hello');
    expect(readdirSync(directory)).toEqual(['control.sock']);
  });

  it.each(['linkSync', 'renameSync'] as const)(
    'tries again when another puts the stale file aside at %s',
    async (moment) => {
      const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['-e', script]);
      meanwhile[moment] = () => rmSync(path);
      const { failures } = listen();
      await eventually(async () => expect(await hello()).toBe('hello'));
      expect(failures).toEqual([]);
      expect(readdirSync(directory)).toEqual(['control.sock']);
    },
  );

  it('reports a link to nowhere', async () => {
    symlinkSync(join(directory, 'nowhere'), path);
    const { failures } = listen();
    await eventually(() => expect(failures.map(({ code }) => code)).toEqual(['not-found']));
    expect(readdirSync(directory)).toEqual(['control.sock']);
  });

  it('does not touch a file that is no socket', async () => {
    writeFileSync(path, 'precious');
    const { failures } = listen();
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toEqual({ code: 'in-use', message: 'a file that is no socket is there' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('reports a directory that is not there', async () => {
    const { failures } = listen(join(directory, 'missing', 'x.sock'));
    await eventually(() => expect(failures).toEqual([{ code: 'not-found', message: 'no such directory' }]));
  });

  it('that is closed while it looks at an old socket does not start after all', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    const { failures, listener } = listen();
    listener.close();
    // Another listener goes through all the same steps later.
    const other = listen();
    await eventually(async () => expect(await hello()).toBe('hello'));
    other.listener.close();
    await eventually(async () => expect(await hello()).not.toBe('hello'));
    expect(failures).toEqual([]);
  });
});

describe('connectLocal', () => {
  it('reports a missing path and one without a listener', async () => {
    expect(await hello(join(directory, 'nothing'))).toBe('not-found');
    writeFileSync(path, '');
    expect(await hello()).toBe('refused');
  });

  it('reads a half-closed connection to its end', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume();
      socket.on('end', () => socket.end('after the end'));
    });
    server.listen(path);
    expect(await hello()).toBe('after the end');
    server.close();
  });
});
