// The tiny runtime with the integrator's own compiler and the libraries of his system: CC, CFLAGS, LDFLAGS, SYSROOT.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { shortCommit } from '../commit.mjs';
import { jobs } from '../compile.mjs';
import { BuildError, run } from '../subprocess.mjs';
import { switchesFor } from './features.mjs';
import { bundledScript } from './scripts.mjs';

const nativeFolder = fileURLToPath(new URL('../../agent/tiny', import.meta.url));

/**
 * Writes `rm-agent`, neither static nor stripped, into a folder; gives its path. From the environment: CMake itself
 * reads CC, CFLAGS, LDFLAGS and CMAKE_PREFIX_PATH. SYSROOT is where headers and libraries are. When the compiler is one
 * for another machine, EMULATOR runs its executables here: `qemu-arm-static -L "$SYSROOT"`.
 * @param {object} options
 * @param {import('./engine.mjs').Engine} options.engine
 * @param {readonly string[]} options.without
 * @param {string} options.output
 * @throws {BuildError} when the compiler does not work, a library is missing or the emulator is
 */
export async function buildWithSystem({ engine, without, output }) {
  const { CC = 'cc', SYSROOT, EMULATOR } = process.env;
  const [cc = '', ...flags] = CC.split(' ').filter((word) => word !== '');
  const machine = (await run(cc, [...flags, '-dumpmachine'])).trim();
  const own = (await run('uname', ['-m'])).trim();
  const elsewhere = machine.split('-')[0] !== own;
  if (elsewhere && !EMULATOR) {
    throw new BuildError(
      `${cc} is for ${machine}, this machine is ${own}: set EMULATOR to what runs its executables here, ` +
        'as in EMULATOR="qemu-arm-static -L /path/of/sysroot"',
    );
  }
  const { cmake, define } = switchesFor(without);
  const work = mkdtempSync(join(tmpdir(), 'rm-agent-'));
  try {
    writeFileSync(join(work, 'rm-agent.js'), await bundledScript(define));
    const options = {
      CMAKE_BUILD_TYPE: 'MinSizeRel',
      ENGINE: engine,
      RM_MBEDTLS_CONFIG: 'OFF',
      RM_SCRIPT: join(work, 'rm-agent.js'),
      RM_VERSION: version,
      RM_COMMIT: shortCommit(),
      ...(SYSROOT ? { CMAKE_SYSROOT: SYSROOT, CMAKE_FIND_ROOT_PATH_MODE_PROGRAM: 'NEVER' } : {}),
      ...(elsewhere
        ? {
            CMAKE_SYSTEM_NAME: 'Linux',
            CMAKE_SYSTEM_PROCESSOR: machine.split('-')[0],
            CMAKE_CROSSCOMPILING_EMULATOR: EMULATOR?.split(' ').join(';'),
          }
        : {}),
      ...cmake,
    };
    const build = join(work, 'build');
    await run('cmake', [
      ...['-S', nativeFolder, '-B', build],
      ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
    ]);
    await run('cmake', ['--build', build, '--parallel', String(jobs), '--target', 'rm-agent']);
    mkdirSync(output, { recursive: true });
    const file = join(output, 'rm-agent');
    rmSync(file, { force: true });
    copyFileSync(join(build, 'rm-agent'), file);
    chmodSync(file, 0o755);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
