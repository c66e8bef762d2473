// The scripts of the tiny runtime: the one that runs, and behind it those that are run only where they are needed. Each is
// bundled apart, without the modules that scripts which run before it have: it gets what they export.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parse } from 'acorn';
import { build, transform } from 'esbuild';
import { inputOptions, root } from '../bundle.mjs';
import { withoutPrivateNames } from '../private-names.mjs';
import { BuildError } from '../subprocess.mjs';
import { missingFromLibrary } from './library.mjs';

/**
 * @typedef {object} Script
 * @property {string} name
 * @property {string} entry
 * @property {readonly string[]} after names of scripts that have run before it
 * @property {string} [constant] the constant that leaves it out
 */

/** @type {readonly Script[]} */
const agentScripts = [
  { name: 'main', entry: 'agent/tiny/main.ts', after: [] },
  { name: 'gateway', entry: 'agent/tiny/gateway.ts', after: ['main'], constant: 'RM_GATEWAY' },
  { name: 'mqtt', entry: 'agent/tiny/mqtt.ts', after: ['main'], constant: 'RM_MQTT' },
  { name: 'import', entry: 'agent/tiny/import.ts', after: ['main'], constant: 'RM_IMPORT' },
  { name: 'commands', entry: 'agent/tiny/commands.ts', after: ['main', 'gateway'] },
];

/** @type {readonly Script[]} */
const libraryScripts = [{ name: 'main', entry: 'agent/sdk/c/main.ts', after: [] }];

/**
 * What one script needs of another: names by module, as in `agent/src/config/json.ts parseJson`.
 * @typedef {Map<string, Set<string>>} Exports by script
 * @typedef {Map<string, ReadonlySet<string>>} Modules by script
 */

/** A module that exports all names of others, as if it named them: esbuild must know those that are elsewhere. */
const barrel = /^export \* from '(.*)';$/gm;

/** @param {string} file @returns {string[]} */
function namesIn(file) {
  const text = readFileSync(file, 'utf8');
  return Array.from(
    text.matchAll(/^export (?:function|const|let|class|abstract class) (\w+)/gm),
    ([, name = '']) => name,
  );
}

/**
 * What sets the exports of a script, before it runs.
 * @param {string} name
 * @param {ReadonlySet<string>} wanted
 */
function exporting(name, wanted) {
  const list = [...wanted].map((key) => key.split(' '));
  const imports = list.map(
    ([file, imported], at) => `import { ${imported} as e${at} } from '${root}/${file}';\n`,
  );
  return `${imports.join('')}rmNative.exports.${name} = [${list.map((_, at) => `e${at}`).join()}];\n`;
}

/**
 * @param {Script} script
 * @param {Modules} before modules that other scripts have
 * @param {ReadonlySet<string>} wanted what other scripts need of this one
 * @param {Awaited<ReturnType<typeof inputOptions>>} options
 */
async function bundleOne({ name, entry }, before, wanted, options) {
  /** @param {string} path */
  const ownerOf = (path) => [...before].find(([, modules]) => modules.has(path))?.[0];
  /** @type {import('esbuild').Plugin} */
  const linked = {
    name: 'linked',
    setup(plugged) {
      plugged.onResolve({ filter: /^\.|^\// }, ({ path, resolveDir }) => {
        const file = relative(root, resolve(resolveDir, path));
        return ownerOf(file) === undefined ? undefined : { path: `/${file}`, external: true };
      });
      plugged.onLoad({ filter: /\/protocol\/src\/index\.ts$/ }, ({ path }) => ({
        loader: 'ts',
        contents: readFileSync(path, 'utf8').replace(barrel, (line, from) => {
          const names = namesIn(join(dirname(path), from));
          return names.length === 0 ? line : `export { ${names.join()} } from '${from}';`;
        }),
      }));
      plugged.onResolve({ filter: /^exports$/ }, ({ path }) => ({ path, namespace: 'exports' }));
      plugged.onLoad({ filter: /./, namespace: 'exports' }, () => ({
        contents: exporting(name, wanted),
        resolveDir: root,
      }));
    },
  };
  const { metafile, outputFiles } = await build({
    ...options,
    plugins: [linked, ...options.plugins],
    stdin: {
      contents: `${wanted.size > 0 ? "import 'exports';\n" : ''}import './${entry}';\n`,
      resolveDir: root,
    },
    format: 'esm',
    minifySyntax: true,
    write: false,
    metafile: true,
  }).catch((error) => {
    throw new BuildError(error.message);
  });
  const [output] = Object.values(metafile?.outputs ?? {});
  const modules = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles?.[0]?.text ?? '', modules: new Set(modules.map(([path]) => path)) };
}

/**
 * The names that occur below a node.
 * @param {import('acorn').AnyNode} node
 * @param {Set<string>} names
 */
function collectNames(node, names) {
  if (node.type === 'Identifier') names.add(node.name);
  for (const child of Object.values(node).flat())
    if (typeof child === 'object' && child !== null && typeof child.type === 'string')
      collectNames(child, names);
}

/**
 * Imports of other scripts as what they export. esbuild leaves some in that are not used.
 * @param {string} text a module
 * @param {(key: string) => string} place of `FILE NAME`
 */
function linkImports(text, place) {
  const { body } = parse(text, { ecmaVersion: 2022, sourceType: 'module' });
  let code = '';
  let done = 0;
  let names = '';
  /** @type {Set<string>} */
  const used = new Set();
  for (const node of body) if (node.type !== 'ImportDeclaration') collectNames(node, used);
  for (const node of body) {
    if (node.type !== 'ImportDeclaration') continue;
    code += text.slice(done, node.start);
    done = node.end;
    const file = String(node.source.value).slice(1);
    for (const one of node.specifiers) {
      if (one.type !== 'ImportSpecifier' || one.imported.type !== 'Identifier')
        throw new BuildError(`${file}: a script cannot import all of it`);
      if (!used.has(one.local.name)) continue;
      names += `const ${one.local.name} = ${place(`${file} ${one.imported.name}`)};\n`;
    }
  }
  return names + code + text.slice(done);
}

/** What another script exports, in the one that imports it. @param {string} script */
const exportsOf = (script) => `exportsOf_${script}`;

/** What another script exports, once it has run. @param {string} script */
function importing(script) {
  const run = script === 'main' ? '' : `rmNative.exports.${script} ?? rmNative.runScript('${script}');\n`;
  return `${run}const ${exportsOf(script)} = rmNative.exports.${script};\n`;
}

/** @param {string} text a module that imports nothing more */
async function finished(text) {
  const script = withoutPrivateNames(`(() => {\n${text}\n})();\n`);
  const { code } = await transform(script, { minify: true, target: 'es2022', charset: 'utf8' });
  return code;
}

/**
 * Bundles scripts that need each other. Which of them has a module depends on what the others need, so they are bundled
 * until that no longer changes.
 * @param {readonly Script[]} scripts each behind those it needs
 * @param {Readonly<Record<string, string>>} define
 */
async function linkedScripts(scripts, define) {
  const options = await inputOptions('tiny', define);
  /** @type {Exports} */
  let wanted = new Map();
  for (let round = 0; round < 10; round++) {
    /** @type {Modules} */
    const modules = new Map();
    /** @type {Exports} */
    const needed = new Map();
    const texts = [];
    for (const script of scripts) {
      const before = new Map([...modules].filter(([name]) => script.after.includes(name)));
      const bundled = await bundleOne(script, before, wanted.get(script.name) ?? new Set(), options);
      modules.set(script.name, bundled.modules);
      const text = linkImports(bundled.text, (key) => {
        const [file = ''] = key.split(' ');
        const [owner = ''] = [...before].find(([, has]) => has.has(file)) ?? [];
        const keys = needed.get(owner) ?? new Set();
        needed.set(owner, keys.add(key));
        return `${exportsOf(owner)}[${[...keys].indexOf(key)}]`;
      });
      const names = [...before.keys()].map(importing);
      texts.push(names.join('') + text);
    }
    if (sameExports(needed, wanted)) return Promise.all(texts.map(finished));
    wanted = needed;
  }
  throw new BuildError('the scripts cannot be linked');
}

/** @param {Exports} one @param {Exports} other */
function sameExports(one, other) {
  const text = (/** @type {Exports} */ exports) =>
    JSON.stringify([...exports].map(([name, keys]) => [name, ...keys]));
  return text(one) === text(other);
}

/**
 * One file for `rmc`: the first script, and each further one behind a line `//# script NAME`.
 * @param {readonly Script[]} scripts
 * @param {Readonly<Record<string, string>>} define
 * @param {{ promises?: boolean }} [host]
 */
async function scriptFile(scripts, define, host) {
  const built = scripts.filter(({ constant }) => constant === undefined || define[constant] !== 'false');
  const texts = await linkedScripts(built, define);
  const missing = texts.flatMap((text) => missingFromLibrary(text, host));
  if (missing.length > 0)
    throw new BuildError(`the tiny engine has no ${missing.join(', ')}: see library.mjs`);
  return texts.map((text, at) => (at === 0 ? text : `\n//# script ${built[at]?.name}\n${text}`)).join('');
}

/**
 * The agent for the tiny runtime.
 * @param {Readonly<Record<string, string>>} define
 */
export const bundledScript = (define) => scriptFile(agentScripts, define);

/** The agent for the C library. */
export const libraryScript = () => scriptFile(libraryScripts, { RM_MQTT: 'false' }, { promises: true });
