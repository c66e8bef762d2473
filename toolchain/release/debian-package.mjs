// The Debian packages of the agent: the static executable, its unit for systemd, and documentation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceDate } from '../commit.mjs';
import { initConffiles, initFiles, installScripts, removeScripts } from '../init/init.mjs';
import { deb } from '../packages/deb.mjs';
import { textFile } from '../packages/package.mjs';
import { gzip } from '../packages/tar.mjs';
import { debianChangelog } from './debian-changelog.mjs';
import { product } from './product.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Debian's names of the architectures, and the targets whose executables they run. */
export const debianTargets = /** @type {const} */ ({ amd64: 'x86_64', arm64: 'aarch64', armhf: 'armv7hf' });

/**
 * The licences in the form of DEP-5. Debian has the texts of the common ones in /usr/share/common-licenses; all of them
 * are in LICENSES.gz.
 * @param {string} folder of the target
 */
function copyright(folder) {
  /** @type {{ contains: { name: string, version: string, licence: string }[] }} */
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const others = manifest.contains.filter(({ name }) => name !== product.name);
  const text = readFileSync(join(root, 'LICENSE'), 'utf8').trimEnd().split('\n');
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    `Upstream-Name: ${product.name}`,
    `Source: ${product.homepage}`,
    'Comment: The program has been compiled with these libraries inside. The whole',
    ' texts of their licences are in LICENSES.gz; those of Apache and of the GPL are',
    ' also in /usr/share/common-licenses/Apache-2.0 and GPL-3.',
    ...others.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`),
    '',
    'Files: *',
    'Copyright: the maintainers of rm-agent, and the authors of these libraries',
    'License: MIT',
    ...text.map((line) => (line === '' ? ' .' : ` ${line}`)),
    '',
  ].join('\n');
}

/** What somebody has to fill in before the agent starts. */
const example = {
  reflector: 'https://remote.example.com/',
  device: {
    id: 'pump-7',
    domain: '7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11',
    password: { file: '/etc/rm-agent.secret' },
  },
  services: [
    { port: 80, kind: 'http' },
    { port: 22, kind: 'ssh' },
  ],
};

/** @param {string} text */
const compressed = (text) => gzip(Buffer.from(text));

/**
 * @param {keyof typeof debianTargets} architecture
 * @param {string} folder with `rm-agent`, `manifest.json` and `LICENSES` of the target
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 * @returns {{ file: string, content: Buffer }}
 */
export function debianPackage(architecture, folder, { time = sourceDate() } = {}) {
  const doc = 'usr/share/doc/rm-agent';
  const content = deb(
    {
      ...product,
      architecture,
      section: 'net',
      depends: [],
      scripts: { ...installScripts('systemd'), ...removeScripts('systemd') },
      conffiles: initConffiles('systemd'),
      entries: [
        { path: 'usr/bin/rm-agent', mode: 0o755, content: readFileSync(join(folder, 'rm-agent')) },
        ...initFiles('systemd', { enabled: false }),
        textFile(`${doc}/copyright`, copyright(folder)),
        {
          path: `${doc}/LICENSES.gz`,
          mode: 0o644,
          content: compressed(readFileSync(join(folder, 'LICENSES'), 'utf8')),
        },
        textFile(`${doc}/examples/rm-agent.json`, `${JSON.stringify(example, null, 2)}\n`),
        {
          path: `${doc}/changelog.gz`,
          mode: 0o644,
          content: compressed(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')),
        },
        {
          path: `${doc}/changelog.Debian.gz`,
          mode: 0o644,
          content: compressed(debianChangelog(product.name, time)),
        },
        textFile(
          'usr/share/lintian/overrides/rm-agent',
          '# The same executable runs on every Linux of this processor, whatever its C library.\nrm-agent: statically-linked-binary *\n',
        ),
      ],
    },
    { time },
  );
  return { file: `${product.name}_${product.version}-1_${architecture}.deb`, content };
}
