// The npm packages in the bundles of rm-server for browsers, and what their licences ask for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const preact = {
  preact: 'Jason Miller',
  '@preact/signals': 'Preact Team',
  '@preact/signals-core': 'Preact Team',
};
const xterm = Object.fromEntries(
  ['xterm', 'addon-fit', 'addon-search', 'addon-unicode11', 'addon-web-links'].map((name) => [
    `@xterm/${name}`,
    'The xterm.js authors',
  ]),
);

const played = Object.fromEntries(
  ['@xterm/xterm', '@xterm/addon-unicode11'].map((name) => [name, 'The xterm.js authors']),
);

/** Of each page of the host apart, with who holds the rights. */
export const deskPackages = {
  terminal: {
    ...xterm,
    '@microsoft/dev-tunnels-ssh': 'Microsoft Corporation',
    'vscode-jsonrpc': 'Microsoft Corporation',
    'base64-js': 'Jameson Little',
    'bn.js': 'Fedor Indutny',
    brorand: 'Fedor Indutny',
    buffer: 'Feross Aboukhadijeh',
    'diffie-hellman': 'Calvin Metcalf',
    ieee754: 'Fair Oaks Labs',
    'miller-rabin': 'Fedor Indutny',
    randombytes: 'the crypto-browserify developers',
    'safe-buffer': 'Feross Aboukhadijeh',
    ...preact,
  },
  replay: { ...played, ...preact },
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
const licenceFiles = /^(LICEN[CS]E(\.\w+)?|License\.txt|docs\/LICENSE\.MPL-2\.0|vendor\/\w+\/LICENSE)$/;

/** Of packages under this licence that bring no text of it. */
const mit = (/** @type {string} */ holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/** The texts of all their licences. */
export function licenceTexts() {
  const holders = new Map(Object.values(deskPackages).flatMap((packages) => Object.entries(packages)));
  const texts = bundledPackages().flatMap(({ name, folder, version, license }) => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      licenceFiles.test(file),
    );
    const head = `=== ${name} ${version} (${license}), an npm package that holds the source\n`;
    if (files.length === 0 && license === 'MIT') return [head, mit(holders.get(name) ?? name)];
    if (files.length === 0) throw new Error(`${name}: no text of its licence`);
    const heads = files
      .sort()
      .map((file) => `--- ${file}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`);
    return [head, ...heads];
  });
  return `${texts.join('\n')}`;
}
