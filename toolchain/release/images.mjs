// The container images of a release: the agent, and the reflector with its Node.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceDate } from '../commit.mjs';
import { compilerFor } from '../compilers.mjs';
import { needPackages } from '../debian.mjs';
import { textFile } from '../packages/package.mjs';
import { BuildError, run } from '../subprocess.mjs';
import { targets } from '../targets.mjs';
import { sysrootFor } from '../tiny/sysroot.mjs';
import { ociArchive } from './oci.mjs';
import { product } from './product.mjs';
import { serverTree } from './server-image.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

/** The platforms of both images, with the targets of the agent and the platforms of Node for them. */
export const imagePlatforms = /** @type {const} */ ([
  { architecture: 'amd64', target: 'x86_64', node: 'linux-x64' },
  { architecture: 'arm64', target: 'aarch64', node: 'linux-arm64' },
  { architecture: 'arm', variant: 'v7', target: 'armv7hf', node: 'linux-armv7' },
]);

/** Of the containers' processes; no account of the host has it. */
const userId = 10_001;

/** The authorities that Debian ships, without those that somebody has added to this machine. */
async function authorities() {
  await needPackages(['ca-certificates']);
  const folder = '/usr/share/ca-certificates/mozilla';
  const files = readdirSync(folder).filter((name) => name.endsWith('.crt'));
  return files.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
}

/**
 * What both images need besides their program. The user is known by a number only, so the directories are everybody's.
 * @param {string} name of the user
 * @returns {Promise<FileEntry[]>}
 */
async function base(name) {
  return [
    textFile('etc/ssl/certs/ca-certificates.crt', (await authorities()).join('')),
    textFile(
      'etc/passwd',
      `root:x:0:0:root:/:/sbin/nologin\n${name}:x:${userId}:${userId}::/:/sbin/nologin\n`,
    ),
    textFile('etc/group', `root:x:0:\n${name}:x:${userId}:\n`),
    textFile('etc/nsswitch.conf', 'hosts: files dns\n'),
    { path: 'run', mode: 0o1777, directory: true },
    { path: 'tmp', mode: 0o1777, directory: true },
    { path: `var/lib/${name}`, mode: 0o1777, directory: true },
  ];
}

/**
 * The program that makes a configuration of environment variables.
 * @param {string} name of the target
 */
async function entryProgram(name) {
  const target = targets[name];
  if (target === undefined) throw new BuildError(`unknown target ${name}`);
  const compiler = await compilerFor(target.compiler);
  const sysroot = await sysrootFor(name, target, compiler);
  const source = fileURLToPath(new URL('agent-image/entry.c', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'rm-entry-'));
  try {
    const output = join(folder, 'entry');
    await run(compiler.cc, [
      ...target.cflags,
      ...['-Os', '-std=gnu11', '-Wall', '-Werror', '-fno-asynchronous-unwind-tables', '-D_GNU_SOURCE'],
      `-ffile-prefix-map=${source}=entry.c`,
      ...sysroot.compileFlags,
      ...sysroot.linkFlags,
      source,
      ...sysroot.linkLibraries,
      ...['-o', output],
    ]);
    await run(`${compiler.prefix}-strip`, ['--strip-all', '--remove-section=.comment', output]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const labels = (/** @type {string} */ title) => ({
  'org.opencontainers.image.title': title,
  'org.opencontainers.image.version': product.version,
  'org.opencontainers.image.licenses': product.licence,
  'org.opencontainers.image.url': product.homepage,
});

/**
 * @param {(name: string) => boolean} wanted which targets
 * @param {(name: string) => Promise<{ folder: string, parts: import('./bill-of-materials.mjs').Part[] }>} built
 * @returns {AsyncGenerator<import('./release.mjs').Released>}
 */
export async function* images(wanted, built) {
  const platforms = imagePlatforms.filter(({ target }) => wanted(target));
  if (platforms.length === 0) return;
  const time = sourceDate();

  /** @type {Map<string, import('./bill-of-materials.mjs').Part>} */
  const agentParts = new Map();
  /** @type {import('./oci.mjs').Platform[]} */
  const agents = [];
  for (const { target, node: _, ...platform } of platforms) {
    const { folder, parts } = await built(target);
    for (const part of parts) agentParts.set(`${part.name}@${part.version}`, part);
    agents.push({
      ...platform,
      entries: [
        ...(await base('rm-agent')),
        { path: 'usr/bin/rm-agent', mode: 0o755, content: readFileSync(join(folder, 'rm-agent')) },
        { path: 'usr/bin/entry', mode: 0o755, content: await entryProgram(target) },
        textFile('usr/share/doc/rm-agent/LICENSES', readFileSync(join(folder, 'LICENSES'), 'utf8')),
      ],
    });
  }
  yield {
    file: `rm-agent-${product.version}.oci.tar`,
    content: ociArchive(
      {
        name: 'rm-agent',
        version: product.version,
        command: ['/usr/bin/entry'],
        user: `${userId}:${userId}`,
        environment: { PATH: '/usr/bin', RM_STATE_DIR: '/var/lib/rm-agent' },
        volumes: ['/var/lib/rm-agent'],
        ports: [],
        labels: labels('rm-agent'),
      },
      agents,
      time,
    ),
    parts: [...agentParts.values()],
  };

  for (const name of /** @type {const} */ (['rm-reflector', 'rm-server'])) {
    /** @type {Map<string, import('./bill-of-materials.mjs').Part>} */
    const contained = new Map();
    /** @type {import('./oci.mjs').Platform[]} */
    const servers = [];
    for (const { target: _, node, ...platform } of platforms) {
      const { entries, parts } = await serverTree(name, node);
      for (const part of parts) contained.set(`${part.name}@${part.version}`, part);
      // For the start, and for commands in the running container: it has no shell.
      const program = `#!/usr/bin/node\nimport('/usr/lib/${name}/node_modules/${name}/dist/main.js');\n`;
      const command = { path: `usr/bin/${name}`, mode: 0o755, content: Buffer.from(program) };
      servers.push({ ...platform, entries: [...(await base(name)), ...entries, command] });
    }
    const folder = `/var/lib/${name}`;
    const variable = name.replace('-', '_').toUpperCase();
    const file = name === 'rm-server' ? 'server' : 'reflector';
    yield {
      file: `${name}-${product.version}.oci.tar`,
      content: ociArchive(
        {
          name,
          version: product.version,
          command: [`/usr/bin/${name}`],
          user: `${userId}:${userId}`,
          environment: {
            PATH: '/usr/bin',
            NODE_ENV: 'production',
            [`${variable}_DATA`]: `${folder}/${file}.sqlite`,
            [`${variable}_LISTEN`]: '0.0.0.0:8080',
          },
          volumes: [folder],
          ports: ['8080/tcp'],
          labels: labels(name),
        },
        servers,
        time,
      ),
      parts: [...contained.values()],
    };
  }
}
