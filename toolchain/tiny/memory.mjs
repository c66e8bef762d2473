// Measures the memory of an executable that is connected over TLS and idle.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createServer } from 'node:tls';
import { BuildError, run } from '../subprocess.mjs';

/** @typedef {{ resident: number, private: number }} Memory bytes in memory, and those of them that it has written itself */

/** How long the agent may take until it has connected and its memory no longer changes. */
const patienceMs = 30_000;

/**
 * A reflector that takes any device and says nothing more.
 * @param {string} folder with `key.pem` and `cert.pem`
 */
function startReflector(folder) {
  const server = createServer({
    key: readFileSync(join(folder, 'key.pem')),
    cert: readFileSync(join(folder, 'cert.pem')),
  });
  const connected = new Promise((resolve) => {
    server.on('secureConnection', (socket) => {
      let head = '';
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        head += bytes.toString('latin1');
        const key = /^sec-websocket-key: *(\S+)\r\n(?:.*\r\n)*\r\n/im.exec(head)?.[1];
        if (key === undefined) return;
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.removeAllListeners('data').resume();
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0\r\n\r\n`,
        );
        resolve(undefined);
      });
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, connected }));
  });
}

/**
 * Reads what a process has in memory. Of an emulated one of 32 bits only the part that the emulator has set aside for
 * it counts, which begins `loadAddress` before its executable.
 * @param {number} pid
 * @param {string} file the executable
 * @param {number | null} loadAddress of an emulated executable; null when the machine itself runs it
 * @returns {Memory}
 */
function memoryOf(pid, file, loadAddress) {
  const maps = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const start = (/** @type {string} */ map) => Number.parseInt(map, 16);
  const own = maps.find((map) => map.split('\n', 1)[0]?.endsWith(file));
  const base = loadAddress === null || own === undefined ? 0 : start(own) - loadAddress;
  const counted =
    loadAddress === null ? maps : maps.filter((map) => start(map) >= base && start(map) < base + 2 ** 32);
  const sum = (/** @type {string} */ what) =>
    counted.reduce(
      (total, map) => total + 1024 * Number(new RegExp(`^${what}: +(\\d+) kB$`, 'm').exec(map)?.[1] ?? 0),
      0,
    );
  return { resident: sum('Rss'), private: sum('Private_Dirty') };
}

/** Pages of a file count as written by the process until they are on the disk. @param {string} path */
function flush(path) {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/**
 * @param {object} options
 * @param {string} options.file the executable
 * @param {string} [options.qemu] what runs it, for a target of 32 bits that this machine does not run
 * @param {string} options.readelf
 * @returns {Promise<Memory>}
 * @throws {BuildError} when it does not connect
 */
export async function measureMemory({ file, qemu, readelf }) {
  const folder = mkdtempSync(join(tmpdir(), 'rm-memory-'));
  const path = realpathSync(file);
  flush(path);
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(folder, 'key.pem'),
  ];
  await run('openssl', ['req', '-x509', ...key, '-out', join(folder, 'cert.pem'), '-days', '2', ...subject]);
  const { server, connected } = await startReflector(folder);
  const configuration = {
    reflector: `https://127.0.0.1:${server.address().port}/`,
    device: { id: 'measured', domain: 'measured' },
    services: [{ port: 80, kind: 'http' }],
    tls: { ca: join(folder, 'cert.pem') },
    control: null,
    stateFile: null,
  };
  writeFileSync(join(folder, 'rm-agent.json'), JSON.stringify(configuration));
  const [, vaddr = '0'] = /LOAD +0x0+ +(0x[0-9a-f]+)/.exec(await run(readelf, ['-lW', path])) ?? [];
  const command = qemu === undefined ? [path] : [qemu, path];
  const agent = spawn(command[0] ?? '', [...command.slice(1), '--config', join(folder, 'rm-agent.json')], {
    stdio: 'ignore',
  });
  try {
    const late = setTimeout(patienceMs, 'late', { ref: false });
    if ((await Promise.race([connected, late])) === 'late') throw new BuildError(`${file} does not connect`);
    const loadAddress = qemu === undefined ? null : Number(vaddr);
    let memory = memoryOf(agent.pid ?? 0, path, loadAddress);
    // Longer than it takes until the agent gives back what it does not need at rest.
    for (let unchanged = 0; unchanged < 12; ) {
      await setTimeout(250);
      const now = memoryOf(agent.pid ?? 0, path, loadAddress);
      unchanged = now.resident === memory.resident && now.private === memory.private ? unchanged + 1 : 0;
      memory = now;
    }
    return memory;
  } finally {
    agent.kill('SIGKILL');
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
