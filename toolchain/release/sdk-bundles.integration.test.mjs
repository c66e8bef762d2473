// The SDK of the packed npm package, as applications load it: by import, by require, and bundled, with nothing beside the bundle.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../subprocess.mjs';
import { npmPackage } from './npm.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rm-sdk-'));
const application = join(folder, 'application');
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  for (const [workspace, name] of /** @type {const} */ ([
    ['protocol', 'rm-protocol'],
    ['agent', 'rm-agent'],
  ])) {
    const { file, content } = await npmPackage(workspace);
    const tarball = join(folder, file);
    const modules = join(application, 'node_modules', name);
    writeFileSync(tarball, content);
    mkdirSync(modules, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', modules, '--strip-components=1']);
  }
});

/** Uses what an application uses, up to the first attempt to connect. */
const body = `
  let fault = '';
  try { new Agent({ reflektor: '' }); } catch (error) { fault = error instanceof ConfigurationError ? error.errors[0] : 'other'; }
  const configuration = typeof foreign === 'undefined' ? {
    reflector: 'http://127.0.0.1:9/', device: { id: 'a', domain: 'b' }, services: [{ port: 80 }],
  } : foreign;
  configuration.services[0].handler = httpHandler((request, response) => response.end());
  const agent = new Agent(configuration, { log: null });
  agent.once('disconnected').then(async ({ reason }) => {
    await agent.stop();
    console.log(JSON.stringify([fault, reason, agent.status.version]));
  });
  agent.start();`;
const names = '{ Agent, ConfigurationError, httpHandler }';
const imported = `import ${names} from 'rm-agent';${body}`;
const required = `const ${names} = require('rm-agent');${body}`;

/** What the application prints. @param {string} directory @param {string} file */
async function says(directory, file) {
  return JSON.parse(await run(process.execPath, [file], { cwd: directory }));
}

/** A bundle of the application, alone in a folder. @param {string} name @param {import('esbuild').BuildOptions} options */
async function bundled(name, options) {
  const source = join(application, `${name}-source.mjs`);
  writeFileSync(source, imported);
  const directory = join(folder, name);
  mkdirSync(directory);
  const shared = /** @type {const} */ ({
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  await build({
    entryPoints: [source],
    ...shared,
    ...options,
    outfile: join(directory, options.outfile ?? ''),
  });
  return directory;
}

const expected = [
  expect.stringContaining('did you mean "reflector"'),
  expect.stringContaining('connection refused'),
  expect.stringMatching(/^\d+\.\d+\.\d+$/),
];

describe('the SDK', () => {
  it.each([
    ['imported by a module', 'application.mjs', imported],
    ['required by a CommonJS file', 'application.cjs', required],
  ])('%s', async (_, file, script) => {
    writeFileSync(join(application, file), script);
    expect(await says(application, file)).toEqual(expected);
  });

  it.each([
    ['a module', { format: /** @type {const} */ ('esm'), outfile: 'main.mjs' }],
    ['a CommonJS file', { format: /** @type {const} */ ('cjs'), outfile: 'main.cjs' }],
    ['a minified one', { format: /** @type {const} */ ('cjs'), outfile: 'minified.cjs', minify: true }],
  ])('bundled into %s', async (name, options) => {
    const directory = await bundled(name.replaceAll(' ', '-'), options);
    expect(await says(directory, options.outfile)).toEqual(expected);
  });

  it("bundled as Electron's main process: its configuration comes from another realm", async () => {
    const directory = await bundled('electron', {
      ...{ format: 'cjs', outfile: 'main.js', external: ['electron'] },
      banner: { js: "const { foreign } = require('electron');" },
    });
    // Electron gives its module by a hook of require, and objects of a window are not those of the main process.
    writeFileSync(
      join(directory, 'launch.cjs'),
      `const Module = require('node:module');
const { runInNewContext } = require('node:vm');
Object.defineProperty(process.versions, 'electron', { value: '40.0.0' });
const foreign = runInNewContext(
  "({ reflector: 'http://127.0.0.1:9/', device: { id: 'a', domain: 'b' }, services: [{ port: 80 }] })",
);
const load = Module._load;
Module._load = (name, ...rest) => (name === 'electron' ? { foreign } : load(name, ...rest));
require('./main.js');`,
    );
    expect(await says(directory, 'launch.cjs')).toEqual(expected);
  });
});
