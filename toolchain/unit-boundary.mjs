// Loaded before each unit test: it starts no process and opens no socket, so that it needs no package and no port.
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

/** @param {string} what */
const refuse = (what) => () => {
  throw new Error(`a unit test ${what}: name its file *.integration.test.ts`);
};

const start = refuse('starts a process');
const open = refuse('opens a socket');
Object.assign(childProcess, {
  spawn: start,
  spawnSync: start,
  exec: start,
  execSync: start,
  execFile: start,
  execFileSync: start,
  fork: start,
});
Object.assign(net.Server.prototype, { listen: open });
Object.assign(net.Socket.prototype, { connect: open });
Object.assign(dgram.Socket.prototype, { bind: open });
syncBuiltinESMExports();
