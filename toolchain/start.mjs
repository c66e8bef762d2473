// What `npm start` runs: rm-server, a demo device and an agent between them, until Ctrl-C.
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { ending, spawnBound } from './bound-process.mjs';
import { addAccounts } from './demo-accounts.mjs';
import { startDemoDesktop } from './demo-desktop.mjs';
import { startDemoSsh } from './demo-ssh.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const agentProgram = join(root, 'dist/node/rm-agent.mjs');
const deviceId = 'pump-7';
const userName = 'demo';
/** How long the agent may take to connect. */
const connectMs = 20_000;

const usage = `Usage: npm start -- [--port PORT]

Starts rm-server, a demo device and an agent, and prints where to look.

  --port PORT  port of the server on 127.0.0.1 (default 8080, 0: any free one)
  --help       print this
`;

/** A line for the person, and an exit status. */
class StartError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string[]} args */
function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    const { port = '8080', help = false } = values;
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
      throw new Error(`--port ${port}: must be a number from 0 to 65535`);
    }
    return { port: Number(port), help };
  } catch (error) {
    const [fault = ''] = error instanceof Error ? error.message.split('. ') : [];
    throw new StartError(fault, 64);
  }
}

/** @typedef {import('../reflector-minimal/dist/index.js').Reflector} Reflector */

/**
 * @param {number} port
 * @param {string} data the data file
 */
async function startServer(port, data) {
  const { startReflector } = await import('../reflector-minimal/dist/index.js');
  const { systemClock } = await import('../reflector-minimal/dist/program.js');
  const { serverAdditions } = await import('../server/dist/server.js');
  const settings = { domain: 'localhost' };
  const log = pino({ level: 'silent' });
  const context = {
    own: {},
    ownAgain: () => ({}),
    file: null,
    data,
    settings,
    environment: {},
    log,
    clock: systemClock,
  };
  const additions = serverAdditions(context);
  try {
    const reflector = await startReflector({ ...settings, port, data, log, ...additions.options });
    await additions.started?.(reflector);
    const close = async () => {
      await additions.close?.();
      await reflector.close();
    };
    return { reflector, close };
  } catch (error) {
    await additions.close?.();
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      const other = port > 65_000 ? port - 10 : port + 10;
      throw new StartError(`port ${port} is taken; choose another one: npm start -- --port ${other}`, 69);
    }
    if (code === 'EACCES') {
      throw new StartError(`port ${port} is not allowed; choose another one with --port, above 1023`, 69);
    }
    throw error;
  }
}

/**
 * @param {object} options
 * @param {string} options.folder
 * @param {number} options.reflectorPort
 * @param {{ readonly port: number }} options.demo
 * @param {{ readonly port: number } | null} options.ssh
 * @param {{ readonly port: number } | null} options.desktop
 * @param {typeof import('../examples/demo-device/dist/server.js').identity} options.identity
 * @param {string} options.domain
 * @param {string} options.password
 */
function startAgent({ folder, reflectorPort, demo, ssh, desktop, identity, domain, password }) {
  const secret = join(folder, 'agent.secret');
  writeFileSync(secret, password, { mode: 0o600 });
  const configuration = join(folder, 'rm-agent.json');
  const content = {
    reflector: `http://127.0.0.1:${reflectorPort}/`,
    device: {
      id: deviceId,
      domain,
      password: { file: secret },
      name: identity.name,
      version: identity.version,
      properties: { serial: identity.serial },
    },
    target: '127.0.0.1',
    services: [
      { port: demo.port, kind: 'http', path: '/' },
      ...(ssh ? [{ port: ssh.port, kind: 'ssh' }] : []),
      ...(desktop ? [{ port: desktop.port, kind: 'vnc' }] : []),
    ],
    log: { level: 'warning', to: 'stderr' },
    // Nothing of the machine: an agent that runs on it has the default paths.
    control: null,
    stateFile: null,
  };
  writeFileSync(configuration, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return spawnBound(process.execPath, [agentProgram, 'run', '--config', configuration], {
    cwd: folder,
    output: 'ignore',
  });
}

/**
 * For a terminal in the root of the checkout; it asks for the user's password.
 * @param {Reflector} reflector
 * @param {{ readonly port: number, readonly config: string }} ssh
 */
function sshCommand(reflector, ssh) {
  const at = `--reflector http://localhost:${reflector.port} --user ${userName} -R ${ssh.port}`;
  return `node client/dist/main.js ssh ${at} ${deviceId} -F ${ssh.config}`;
}

/**
 * @param {Reflector} reflector
 * @param {'terminal' | 'desktop'} page
 */
const pageAddress = (reflector, page) => `http://localhost:${reflector.port}/dashboard/${page}/${deviceId}`;

/**
 * Where the terminal is, and how to get in: a password of this machine has no place in a demo.
 * @param {Reflector} reflector
 * @param {{ readonly user: string, readonly keys: string }} ssh
 */
function terminalLines(reflector, { user, keys }) {
  return `${pageAddress(reflector, 'terminal')}
            Log in as ${user}, with the key that the page makes; append its line to
            ${keys}`;
}

/**
 * Where the desktop is, and why nothing is on it.
 * @param {Reflector} reflector
 * @param {{ readonly empty: boolean }} desktop
 */
function desktopLines(reflector, { empty }) {
  const hint = empty ? '\n            Its screen is black: install x11-apps for a calculator on it' : '';
  return `${pageAddress(reflector, 'desktop')}${hint}`;
}

/**
 * Resolves when the device is on line. Rejects when the agent ends before, or does not connect in time.
 * @param {Reflector} reflector
 * @param {ReturnType<typeof spawnBound>} agent
 * @returns {Promise<void>}
 */
function online(reflector, agent) {
  return new Promise((resolve, reject) => {
    const done = () => {
      stopWatching();
      clearTimeout(limit);
    };
    const fail = (/** @type {unknown} */ error) => {
      done();
      reject(error);
    };
    const stopWatching = reflector.presence.watch({
      came() {
        done();
        resolve();
      },
      went() {},
    });
    const limit = setTimeout(
      () => fail(new StartError(`the agent has not connected within ${connectMs / 1000} s`, 1)),
      connectMs,
    );
    agent.exited.then((status) => fail(new StartError(`the agent ended with status ${status}`, 1)), fail);
  });
}

/**
 * Runs until a signal, or until the npm that runs it is gone. Gives the exit status.
 * @param {string[]} args
 */
export async function start(args) {
  /**
   * What is to be undone at the end, the last first.
   * @type {(() => unknown)[]}
   */
  const undo = [];
  const signal = ending();
  try {
    const { port, help } = readOptions(args);
    if (help) {
      process.stdout.write(usage);
      return 0;
    }
    if (!existsSync(agentProgram)) throw new StartError('not built; run it as: npm start', 1);
    const folder = mkdtempSync(join(tmpdir(), 'rm-agent-demo-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o700);
    const { reflector, close } = await startServer(port, join(folder, 'server.sqlite'));
    undo.push(close);
    const { startDemoDevice, identity } = await import('../examples/demo-device/dist/server.js');
    const demo = await startDemoDevice({ port: 0, host: '127.0.0.1' });
    undo.push(() => demo.close());
    const ssh = await startDemoSsh(folder, deviceId);
    if (ssh) undo.push(() => ssh.stop());
    const desktop = await startDemoDesktop(identity.name);
    if (desktop) undo.push(() => desktop.stop());
    const { device: password, user: userPassword, domain } = await addAccounts(reflector, deviceId, userName);
    const agent = startAgent({
      folder,
      reflectorPort: reflector.port,
      demo,
      ssh,
      desktop,
      identity,
      domain,
      password,
    });
    undo.push(() => agent.stop());
    const connected = await Promise.race([online(reflector, agent).then(() => 'on line'), signal]);
    if (connected !== 'on line') return 0;
    process.stdout.write(`
  Device    http://${deviceId}.localhost:${reflector.port}/
  Dashboard http://localhost:${reflector.port}/
  User      ${userName}
  Password  ${userPassword}
  SSH       ${ssh ? sshCommand(reflector, ssh) : 'not offered: install openssh-server and openssh-client'}
  Terminal  ${ssh ? terminalLines(reflector, ssh) : 'not offered: install openssh-server and openssh-client'}
  Desktop   ${desktop ? desktopLines(reflector, desktop) : 'not offered: install tigervnc-standalone-server and x11-apps'}

  The browser reaches “${identity.name}” through its tunnel. Ctrl-C ends everything.
`);
    const ended = agent.exited.then(() => 'agent');
    if ((await Promise.race([signal, ended])) === 'agent') throw new StartError('the agent has ended', 1);
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`npm start: ${error.message}\n`);
    return error.status;
  } finally {
    for (const each of undo.reverse()) await each();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(await start(process.argv.slice(2)));
