// Kernel and programs for a guest of a processor that Debian has no packages for any more: built from Debian's sources,
// with the C library of the agent's target.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../cache.mjs';
import { jobs } from '../compile.mjs';
import { compilerFor } from '../compilers.mjs';
import { pinnedFile } from '../fetch-source.mjs';
import { BuildError, run } from '../subprocess.mjs';
import { targets } from '../targets.mjs';
import { sysrootFor } from '../tiny/sysroot.mjs';

/** @typedef {import('../fetch-source.mjs').PinnedFile} PinnedFile */
/** @typedef {import('../targets.mjs').Target} Target */

const pins = 'own-sources.json';

/** @type {Readonly<Record<string, PinnedFile>>} */
const sources = JSON.parse(readFileSync(new URL(pins, import.meta.url), 'utf8'));

/** @param {string} name */
function source(name) {
  const found = sources[name];
  if (found === undefined) throw new BuildError(`toolchain/qemu/${pins} has no ${name}`);
  return found;
}

/**
 * @param {string} name
 * @param {(folder: string) => Promise<void>} use of its unpacked source, which is gone afterwards
 */
async function withSource(name, use) {
  const archive = await pinnedFile(name, source(name), `toolchain/qemu/${pins}`);
  const folder = mkdtempSync(join(tmpdir(), `rm-${name}-`));
  try {
    await run('tar', ['--no-same-owner', '-xf', archive, '-C', folder, '--strip-components=1']);
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} name @returns {Target} */
function targetOf(name) {
  const target = targets[name];
  if (target === undefined) throw new BuildError(`toolchain/targets.mjs has no ${name}`);
  return target;
}

/**
 * The kernel that a file of this folder configures.
 * @param {string} config
 * @param {string} architecture Linux's name of it
 * @param {string} targetName
 * @returns {Promise<string>} file for `qemu -kernel`
 */
export async function builtKernel(config, architecture, targetName) {
  const file = fileURLToPath(new URL(config, import.meta.url));
  const compiler = await compilerFor(targetOf(targetName).compiler);
  const inputs = {
    sha256: source('linux').sha256,
    compiler: compiler.identity,
    config: readFileSync(file, 'utf8'),
  };
  const folder = await cached(`kernel-${targetName}`, inputs, (result) =>
    withSource('linux', async (work) => {
      console.error(`Building Linux for ${targetName}, which takes ten minutes …`);
      const make = ['-s', `-j${jobs}`, `ARCH=${architecture}`, `CROSS_COMPILE=${compiler.prefix}-`];
      const env = { KBUILD_BUILD_TIMESTAMP: '1970-01-01', KBUILD_BUILD_USER: 'rm', KBUILD_BUILD_HOST: 'rm' };
      await run('make', [...make, 'allnoconfig'], { cwd: work, env: { ...env, KCONFIG_ALLCONFIG: file } });
      await run('nice', ['make', ...make, 'vmlinux'], { cwd: work, env });
      await run(`${compiler.prefix}-strip`, ['-o', join(result, 'image'), join(work, 'vmlinux')]);
    }),
  );
  return join(folder, 'image');
}

/**
 * Writes a compiler that knows the agent's C library, as the build systems of other people's programs want it.
 * @param {string} folder
 * @param {Target} target
 * @param {string} targetName
 */
async function writeCompiler(folder, target, targetName) {
  const compiler = await compilerFor(target.compiler);
  const sysroot = await sysrootFor(targetName, target, compiler);
  const headers = join(folder, 'kernel-headers');
  mkdirSync(headers);
  // Those of the kernel alone, beside the C library of the cross compiler.
  for (const name of ['asm', 'asm-generic', 'linux', 'mtd'])
    symlinkSync(`/usr/${compiler.prefix}/include/${name}`, join(headers, name));
  const words = (/** @type {readonly string[]} */ list) => list.map((word) => `'${word}'`).join(' ');
  const compile = [...sysroot.compileFlags, '-idirafter', headers, ...target.cflags];
  const [own, libraries] = [words(sysroot.linkFlags), words(sysroot.linkLibraries)];
  const file = join(folder, 'cc');
  const script = `#!/bin/sh
for word; do
	case $word in -c | -E | -S | -M | -MM | -r) exec ${compiler.cc} ${words(compile)} "$@" ;; esac
done
exec ${compiler.cc} ${words(compile)} ${own} "$@" ${libraries}
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return { file, prefix: compiler.prefix, key: [compiler.identity, sysroot.key] };
}

/** What is not BusyBox's default. `tc` does not compile with the headers of today's kernels. */
const busyboxOptions = { STATIC: 'y', TC: 'n', EXTRA_LDLIBS: '""' };

const dropbearOptions = [
  ...['--disable-zlib', '--enable-bundled-libtom', '--disable-harden', '--disable-shadow'],
  ...['--disable-lastlog', '--disable-utmp', '--disable-utmpx', '--disable-wtmp', '--disable-wtmpx'],
];

const opensshOptions = ['--without-openssl', '--without-zlib', '--without-hardening', '--without-pie'];

/**
 * BusyBox, Dropbear and OpenSSH's server for `scp`, static.
 * @param {string} targetName
 * @returns {Promise<string>} folder with `busybox`, `dropbear` and `sftp-server`
 */
export async function builtPrograms(targetName) {
  const target = targetOf(targetName);
  const work = mkdtempSync(join(tmpdir(), 'rm-cc-'));
  try {
    const { file: cc, prefix, key } = await writeCompiler(work, target, targetName);
    const names = ['busybox', 'dropbear', 'openssh'];
    const inputs = {
      key,
      sources: names.map((name) => source(name).sha256),
      options: [target.cflags, busyboxOptions, dropbearOptions, opensshOptions],
    };
    return await cached(`programs-${targetName}`, inputs, async (result) => {
      console.error(`Building BusyBox, Dropbear and sftp-server for ${targetName} …`);
      const keep = (/** @type {string} */ from, /** @type {string} */ name) =>
        run(`${prefix}-strip`, ['-o', join(result, name), from]);
      await withSource('busybox', async (folder) => {
        const make = ['-s', `-j${jobs}`, `CC=${cc}`, `CROSS_COMPILE=${prefix}-`, 'SKIP_STRIP=y'];
        await run('make', [...make, 'defconfig'], { cwd: folder });
        const config = join(folder, '.config');
        const changed = Object.entries(busyboxOptions).map(([name, value]) => `CONFIG_${name}=${value}\n`);
        const others = readFileSync(config, 'utf8')
          .split('\n')
          .filter((line) => !Object.keys(busyboxOptions).some((name) => line.includes(`CONFIG_${name}`)));
        writeFileSync(config, `${others.join('\n')}\n${changed.join('')}`);
        // A new question gets its default.
        await run('make', [...make, 'oldconfig'], { cwd: folder, input: '\n'.repeat(100) });
        await run('nice', ['make', ...make, 'busybox'], { cwd: folder });
        await keep(join(folder, 'busybox'), 'busybox');
      });
      const configure = [`--host=${prefix}`, `CC=${cc}`];
      await withSource('dropbear', async (folder) => {
        await run('./configure', [...configure, ...dropbearOptions], { cwd: folder });
        await run('nice', ['make', '-s', `-j${jobs}`, 'PROGRAMS=dropbear'], { cwd: folder });
        await keep(join(folder, 'dropbear'), 'dropbear');
      });
      await withSource('openssh', async (folder) => {
        await run('./configure', [...configure, ...opensshOptions], { cwd: folder });
        await run('nice', ['make', '-s', `-j${jobs}`, 'sftp-server'], { cwd: folder });
        await keep(join(folder, 'sftp-server'), 'sftp-server');
      });
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
