import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { listens, reservedPort } from './loopback-port.mjs';

/** Reserves a port where the kernel has few to give, takes all that it gives to listeners, and tells of both. */
const taker = `
import { once } from 'node:events';
import { createServer } from 'node:net';
const { reservedPort } = await import(process.argv[1]);
const reserved = await reservedPort();
const given = [];
for (let left = true; left; ) {
  const server = createServer().listen(0, '127.0.0.1');
  left = await once(server, 'listening').then(() => given.push(server.address().port), () => false);
}
console.log(JSON.stringify({ reserved, given }));
process.exit();
`;

test('nobody who takes any port is given one that is reserved', () => {
  // A network namespace of its own: its ports are nobody else's, and 16.
  const namespaces = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
  const few = 'ip link set lo up && echo 40000 40015 >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"';
  const module = new URL('loopback-port.mjs', import.meta.url).href;
  const node = [process.execPath, '--input-type=module', '--eval', taker, module];
  const { stdout, stderr } = spawnSync('unshare', [...namespaces, 'sh', '-c', few, 'sh', ...node], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { reserved, given } = JSON.parse(stdout);
  expect(given).toHaveLength(14);
  expect([reserved, ...given].every((port) => port >= 40000 && port <= 40015)).toBe(true);
  expect(given).not.toContain(reserved);
});

test('a reserved port refuses connections, and is given to a program that names it', async () => {
  const port = await reservedPort();
  const refused = await once(connect(port, '127.0.0.1'), 'connect').catch(({ code }) => code);
  expect(refused).toBe('ECONNREFUSED');
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${port}, '127.0.0.1')`]);
  expect(await listens(port, child)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await listens(port, child)).toBe(false);
});

test('a program that does not exist listens nowhere', async () => {
  const child = spawn('/nonexistent/server').on('error', () => {});
  expect(await listens(await reservedPort(), child)).toBe(false);
});
