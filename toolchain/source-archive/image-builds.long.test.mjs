// The commands of each recipe, on a machine without a network and without Node.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../bundle.mjs';
import { needPackages } from '../debian.mjs';
import { run } from '../subprocess.mjs';
import { archiveName, sourceArchive } from './source-archive.mjs';
import { cmakeOptions, shellFunction } from './testing/bitbake.mjs';

const testing = fileURLToPath(new URL('testing', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'rm-images-'));
const dist = join(work, 'dist');
const configuration = join(work, 'rm-agent.json');

afterAll(() => rmSync(work, { recursive: true }));

beforeAll(async () => {
  const cross = ['mips', 'mipsel', 'armhf'].map((name) => `libc6-dev-${name}-cross`);
  const compilers = ['mips-linux-gnu', 'mipsel-linux-gnu', 'arm-linux-gnueabihf'].map(
    (name) => `gcc-${name}`,
  );
  await needPackages([
    ...[...cross, ...compilers],
    ...['cmake', 'gcc', 'libc6-dev', 'make', 'ninja-build', 'qemu-user-static', 'util-linux'],
  ]);
  await sourceArchive(dist);
  writeFileSync(configuration, '{}', { mode: 0o600 });
  mkdirSync(join(work, 'no-node'));
  for (const name of ['node', 'npm', 'npx'])
    writeFileSync(join(work, 'no-node', name), '#!/bin/sh\necho "$0 is run" >&2\nexit 1\n', { mode: 0o755 });
});

/** Without a network and without Node. @param {string} command @param {readonly string[]} args */
function isolated(command, args) {
  const env = { PATH: `${join(work, 'no-node')}:${process.env.PATH}`, MAKEFLAGS: '' };
  const namespace = process.getuid?.() === 0 ? ['-n'] : ['-rn'];
  return run('unshare', [...namespace, command, ...args], { env });
}

/**
 * @typedef {object} Folders
 * @property {string} source the unpacked archive
 * @property {string} build
 * @property {string} image the root file system
 * @property {string} cross CMake's toolchain file
 */

/**
 * @typedef {object} System
 * @property {string} machine the compiler's prefix
 * @property {string} emulator
 * @property {string} [flags] of the compiler and the linker
 * @property {(folders: Folders) => Promise<unknown>} build
 * @property {boolean} mqtt whether it is built with the MQTT client
 * @property {readonly string[]} installs files besides the executable
 */

/** @type {Readonly<Record<string, System>>} */
const systems = {
  Buildroot: {
    machine: 'mipsel-linux-gnu',
    emulator: 'qemu-mipsel-static',
    flags: '-Os',
    build: ({ source, build, image, cross }) =>
      isolated('make', [
        ...[
          '-f',
          join(testing, 'buildroot.mk'),
          `PACKAGE=${join(dist, 'buildroot/package/rm-agent/rm-agent.mk')}`,
        ],
        ...[`SOURCE=${source}`, `BUILD=${build}`, `TARGET_DIR=${image}`, `CROSS=${cross}`],
        ...[`BR2_PACKAGE_RM_AGENT_CONFIG="${configuration}"`, 'BR2_PACKAGE_RM_AGENT_MQTT=y'],
      ]),
    mqtt: true,
    installs: [
      'etc/init.d/S90rm-agent',
      'etc/rm-agent.json',
      'usr/lib/rm-agent/run',
      'usr/lib/systemd/system/rm-agent.service',
    ],
  },
  // Big-endian: the script is embedded as text.
  OpenWrt: {
    machine: 'mips-linux-gnu',
    emulator: 'qemu-mips-static',
    build: ({ source, build, image, cross }) =>
      isolated('make', [
        ...['-C', join(dist, 'openwrt/net/rm-agent'), `TOPDIR=${join(testing, 'openwrt')}`],
        ...['BUILD_VARIANT=bundled', `SOURCE=${source}`, `BUILD=${build}`],
        ...[`TARGET_DIR=${image}`, `CROSS=${cross}`],
      ]),
    mqtt: true,
    installs: [
      'etc/config/rm-agent',
      'etc/init.d/rm-agent',
      'etc/uci-defaults/90-rm-agent',
      'usr/lib/rm-agent/run',
    ],
  },
  // With the flags of a hardened distribution, and no PACKAGECONFIG.
  Yocto: {
    machine: 'arm-linux-gnueabihf',
    emulator: 'qemu-arm-static',
    flags: '-O2 -fPIE -pie -fstack-protector-strong -D_FORTIFY_SOURCE=2 -flto=2 -Wl,-z,relro,-z,now',
    build: ({ source, build, image, cross }) => {
      const recipes = join(dist, 'meta-rm-agent/recipes-connectivity/rm-agent');
      const recipe = readFileSync(join(recipes, `rm-agent_${version}.bb`), 'utf8');
      const variables = {
        S: source,
        D: image,
        BUILD_CC: 'cc',
        RM_AGENT_CONFIG: configuration,
        sysconfdir: '/etc',
        nonarch_libdir: '/usr/lib',
        systemd_system_unitdir: '/usr/lib/systemd/system',
      };
      const options = cmakeOptions(recipe, []).replaceAll('${BUILD_CC}', variables.BUILD_CC);
      // The user is one of the image, which only BitBake's pseudo knows.
      const install = shellFunction(recipe, 'do_install:append', variables, ['systemd', 'sysvinit']);
      const task = `set -e
        cmake -G Ninja -S ${source} -B ${build} -DCMAKE_TOOLCHAIN_FILE=${cross} -DCMAKE_INSTALL_PREFIX=/usr ${options}
        cmake --build ${build} --target rm-agent
        DESTDIR=${image} cmake --build ${build} --target install
        chown() { :; }
        ${install}`;
      return isolated('sh', ['-c', task]);
    },
    mqtt: false,
    installs: [
      'etc/init.d/rm-agent',
      'etc/rm-agent.json',
      'usr/lib/rm-agent/run',
      'usr/lib/systemd/system/rm-agent.service',
      'usr/share/licenses/rm-agent/LICENSE.mbedtls',
    ],
  },
};

/** Every file of an image with its mode and hash. @param {string} image */
function listing(image) {
  return readdirSync(image, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(image, path)).isFile())
    .sort()
    .map((path) => {
      const hash = createHash('sha256')
        .update(readFileSync(join(image, path)))
        .digest('hex');
      return `${path} ${(statSync(join(image, path)).mode & 0o7777).toString(8)} ${hash}`;
    });
}

/** Two builds of everything take a minute on a machine of their own, and many times as long on a busy one. */
const patience = 1_800_000;

describe.each(Object.entries(systems))('%s', (name, system) => {
  const { machine, emulator, flags = '', build, mqtt, installs } = system;
  /** @param {string} place */
  async function image(place) {
    const folder = join(work, name, place);
    mkdirSync(folder, { recursive: true });
    await run('tar', ['-xzf', join(dist, `${archiveName}.tar.gz`), '-C', folder]);
    const cross = join(folder, 'cross.cmake');
    writeFileSync(
      cross,
      `set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${machine.split('-')[0]})
set(CMAKE_C_COMPILER ${machine}-gcc)
set(CMAKE_C_FLAGS_INIT "${flags}")
`,
    );
    const folders = {
      source: join(folder, archiveName),
      build: join(folder, 'build'),
      image: join(folder, 'image'),
      cross,
    };
    await build(folders);
    return folders.image;
  }

  it('builds without network and Node, twice with the same bytes, and the result runs', {
    timeout: patience,
  }, async () => {
    const first = await image('one');
    const second = await image('another/folder');
    expect(listing(second)).toEqual(listing(first));
    for (const path of ['usr/bin/rm-agent', ...installs])
      expect(statSync(join(first, path)).isFile()).toBe(true);
    const program = join(first, 'usr/bin/rm-agent');
    const said = await run(emulator, ['-L', `/usr/${machine}`, program, '--version']);
    expect(said).toContain(version);
    expect(/^features .*\bmqtt\b/m.test(said)).toBe(mqtt);
  });
});
