// mqtt-packet as both hosts bundle it: as modules of ECMAScript, without Node's modules, without its debug messages, and without
// what only a broker needs. A version that it does not know is an error, so that somebody looks at it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** What stands in for each module that it imports. @type {Readonly<Record<string, string>>} */
const standIns = { bl: here('bl.mjs'), buffer: here('buffer.mjs'), events: here('events.mjs') };

/** Parts that a client does not need, by file. @type {Readonly<Record<string, readonly string[]>>} */
const unused = {
  'parser.js': ['_parseConnect', '_parseSubscribe', '_parseUnsubscribe', '_parseUnsuback', '_parseAuth'],
  'writeToStream.js': ['connack', 'suback', 'unsubscribe', 'unsuback', 'auth', 'uncork'],
};

/** The entry: without `generate`, which collects in a stream of its own. */
const entry = `import Parser from './parser'
import writeToStream from './writeToStream'
export default { parser: Parser.parser, writeToStream }
`;

/**
 * The text of one of its files as it is bundled. Throws if the file is not as expected.
 * @param {string} name
 * @param {string} text
 */
export function reduced(name, text) {
  if (name === 'mqtt.js') return entry;
  const fail = (/** @type {string} */ what) => {
    throw new TypeError(`mqtt-packet: ${name}: ${what}`);
  };
  let result = text;
  for (const part of unused[name] ?? []) {
    const whole = new RegExp(`^( *)(?:function )?${part} \\(.*\\) \\{\\n(?:\\1 .*\\n|\\n)*\\1\\}\\n`, 'm');
    if (!whole.test(result)) fail(`there is no ${part}`);
    result = result.replace(whole, '');
  }
  result = result
    .replace(/^\s*(?:const debug = require\('debug'\)\(.*\)|debug\(.*\))$/gm, '')
    .replace(/^const nextTick = .*$/m, '')
    // The tiny engine has but this one, and it gives the same for plain objects.
    .replaceAll('Object.getOwnPropertyNames(', 'Object.keys(')
    // Only whether a code is known is asked.
    .replace(/^( *0x[\dA-F]{2}): '.*?'(?=,?$)/gm, '$1: 1')
    .replace(/^const (\w+|\{ \w+ \}) = require\('([^']+)'\)$/gm, "import $1 from '$2'")
    .replace(/^const (\w+) = module\.exports$/m, 'const $1 = {}\nexport default $1')
    .replace(/^module\.exports = /m, 'export default ');
  // What the agent writes is always right; only reading has reasons that somebody may want to know.
  if (name === 'writeToStream.js')
    result = result.replace(/new Error\((?:'.*?'|`.*?`)\)/g, "new Error('wrong packet')");
  if (/\bdebug\(|\brequire\(|\bmodule\.exports\b/.test(result)) fail('it is not written as before');
  return result;
}

/** @type {import('esbuild').Plugin} */
export const mqttPacket = {
  name: 'mqtt-packet',
  setup(build) {
    build.onResolve({ filter: /^(?:bl|buffer|events)$/ }, ({ path, importer }) =>
      /[\\/]mqtt-packet[\\/]/.test(importer) ? { path: standIns[path] ?? path } : undefined,
    );
    build.onLoad({ filter: /[\\/]node_modules[\\/]mqtt-packet[\\/]\w+\.js$/ }, ({ path }) => ({
      contents: reduced(basename(path), readFileSync(path, 'utf8')),
      loader: 'js',
    }));
  },
};
