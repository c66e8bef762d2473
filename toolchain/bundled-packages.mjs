// The npm packages in the bundles of rm-server for browsers, and what their licences ask for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const preact = { preact: 'Jason Miller', '@preact/signals': 'Preact Team' };

/** Of each page of the host apart, with who holds the rights. */
export const deskPackages = {
  terminal: preact,
  desktop: { '@novnc/novnc': 'the noVNC authors', ...preact },
};

/** @typedef {{ name: string, folder: string, version: string, license: string }} BundledPackage */

/**
 * @param {string} name
 * @returns {BundledPackage}
 */
function packageOf(name) {
  const folder = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { name, folder, version, license };
}

/** All of them, each once. */
export function bundledPackages() {
  const names = new Set(Object.values(deskPackages).flatMap((packages) => Object.keys(packages)));
  return [...names].sort().map(packageOf);
}

/**
 * One comment at the beginning of a script.
 * @param {Readonly<Record<string, string>>} packages with who holds the rights
 */
export function banner(packages) {
  const lines = Object.entries(packages).map(([name, holder]) => {
    const { version, license } = packageOf(name);
    return `${name} ${version}: ${license}, (c) ${holder}`;
  });
  return `/* With ${lines.join('; ')}. Licences: licences-*.txt beside this file; sources: the npm packages */`;
}

/** Files with a licence, also of what a package has taken over from others. */
const licenceFiles = /^(LICEN[CS]E(\.\w+)?|docs\/LICENSE\.MPL-2\.0|vendor\/\w+\/LICENSE)$/;

/** The texts of all their licences. */
export function licenceTexts() {
  const texts = bundledPackages().flatMap(({ name, folder, version, license }) => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      licenceFiles.test(file),
    );
    if (files.length === 0) throw new Error(`${name}: no text of its licence`);
    const heads = files
      .sort()
      .map((file) => `--- ${file}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`);
    return [`=== ${name} ${version} (${license}), an npm package that holds the source\n`, ...heads];
  });
  return `${texts.join('\n')}`;
}
