// `npm run qemu -- BOARD`: an emulated board beside a reflector, until Ctrl-C.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ending, runBound } from '../bound-process.mjs';
import { guests, needPackages } from '../debian.mjs';
import { addAccounts } from '../demo-accounts.mjs';
import { BuildError } from '../subprocess.mjs';
import { Guest } from './guest.mjs';
import { machines } from './machines.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const userName = 'demo';

const usage = `Usage: npm run qemu -- BOARD [--port PORT]

Boots an emulated board beside a reflector, and prints where to look.

  BOARD        one of ${Object.keys(machines).join(', ')}
  --port PORT  port of the reflector on 127.0.0.1 (default: any free one)
`;

/** @param {readonly string[]} args */
function readOptions(args) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [board = '', ...more] = positionals;
  if (!values.help && (!Object.hasOwn(machines, board) || more.length > 0))
    throw new Error(`name one board: ${Object.keys(machines).join(', ')}`);
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535)
    throw new Error(`--port ${values.port}: must be a number from 0 to 65535`);
  return { board, port: Number(values.port), help: values.help };
}

/**
 * Installs and builds what a board's guest needs.
 * @param {string} board one of {@link machines}
 * @returns {Promise<number>} exit status of the build
 */
async function prepareBoard(board) {
  const machine = machines[board];
  if (machine === undefined) return 64;
  await needPackages([...guests, ...machine.packages]);
  return runBound(process.execPath, ['toolchain/build.mjs', '--target', machine.target], { cwd: root });
}

/**
 * Runs until a signal, or until the board is switched off from inside. Gives the exit status.
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
export async function qemu(args) {
  /** @type {(() => unknown)[]} what is to be undone at the end, the last first */
  const undo = [];
  const signal = ending();
  try {
    let options;
    try {
      options = readOptions(args);
    } catch (error) {
      process.stderr.write(`npm run qemu: ${error instanceof Error ? error.message : error}\n`);
      return 64;
    }
    const { board, port, help } = options;
    if (help) {
      process.stdout.write(usage);
      return 0;
    }
    const status = await prepareBoard(board);
    if (status !== 0) return status;
    const folder = mkdtempSync(join(tmpdir(), 'rm-qemu-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const { startReflector } = await import('../../reflector-minimal/dist/index.js');
    const reflector = await startReflector({ port });
    undo.push(() => reflector.close());
    const { device: secret, user: password, domain } = await addAccounts(reflector, board, userName);
    process.stdout.write(`Booting ${board} …\n`);
    const guest = await Guest.start({ board, folder, secret, domain, id: board, ports: [80] });
    undo.push(() => guest.stop());
    guest.leaveConsole();
    const online = new Promise((resolve) => {
      undo.push(reflector.presence.watch({ came: () => resolve('on line'), went() {} }));
    });
    guest.lead(80, reflector.port);
    const started = Date.now();
    const off = guest.ended.then(() => 'off');
    const first = await Promise.race([online, signal, off]);
    if (first === 'off') throw new BuildError(`the board was switched off\n${guest.log.slice(-2000)}`);
    if (first !== 'on line') return 0;
    const at = `--reflector http://localhost:${reflector.port} --user ${userName} -R 22`;
    process.stdout.write(`
  Device    http://${board}.localhost:${reflector.port}/
  All       http://localhost:${reflector.port}/
  User      ${userName}
  Password  ${password}
  SSH       node client/dist/main.js ssh ${at} ${board} -F ${guest.sshConfig}
  Console   nc -U ${guest.consoleSocket}

  On line ${Math.round((Date.now() - started) / 100) / 10} s after power-on. Ctrl-C ends everything.
`);
    await Promise.race([signal, off]);
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`npm run qemu: ${error.message}\n`);
    return 1;
  } finally {
    for (const each of undo.reverse()) await each();
  }
}
