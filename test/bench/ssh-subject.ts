import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { startOpenSsh } from '../ssh/openssh.ts';
import { DuplexStream } from './duplex-stream.ts';
import type { Subject } from './subject.ts';

/** `ssh -R` from the device to an sshd, both OpenSSH with their defaults. */
export async function startSsh(ports: readonly number[]): Promise<Subject> {
  const server = await startOpenSsh();
  const forwards = ports.flatMap((port) => ['-R', `127.0.0.1:0:127.0.0.1:${port}`]);
  const login = ['-p', `${server.port}`, `${server.user}@127.0.0.1`];
  const options = ['-N', '-T', '-o', 'ExitOnForwardFailure=yes'];
  const started = performance.now();
  const child = spawn('ssh', [...server.clientOptions, ...options, ...forwards, ...login], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const forwarded = new Map<number, number>();
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`ssh ended: ${log}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      for (const [, from, to] of log.matchAll(
        /Allocated port (\d+) for remote forward to 127\.0\.0\.1:(\d+)/g,
      )) {
        forwarded.set(Number(to), Number(from));
      }
      if (forwarded.size === ports.length) resolve();
    });
  });
  const startMs = performance.now() - started;
  return {
    name: 'ssh -R',
    devicePid: child.pid ?? 0,
    relayPids: [server.pid],
    startMs,
    async open(port) {
      const socket = connect({ port: forwarded.get(port) ?? 0, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      return new DuplexStream(socket);
    },
    async stop() {
      child.removeAllListeners('exit');
      child.kill('SIGTERM');
      await once(child, 'exit');
      await server.stop();
    },
  };
}
