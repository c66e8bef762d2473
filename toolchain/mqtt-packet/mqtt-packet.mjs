// mqtt-packet as both hosts bundle it: as modules of ECMAScript, without Node's modules, without its debug messages, and without
// what only a broker needs. A version that it does not know is an error, so that somebody looks at it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** What stands in for each module that it imports. @type {Readonly<Record<string, string>>} */
const standIns = { bl: here('bl.mjs'), events: here('events.mjs') };

/** Parts that reading as a client does not need, by file. @type {Readonly<Record<string, readonly RegExp[]>>} */
const unused = {
  'parser.js': ['Connect', 'Subscribe', 'Unsubscribe', 'Unsuback', 'Auth'].map(
    (packet) => new RegExp(`^( *)_parse${packet} \\(.*\\) \\{\\n(?:\\1 .*\\n|\\n)*\\1\\}\\n`, 'm'),
  ),
  'constants.js': [
    /^const \{ Buffer \} = .*\n/m,
    // What is written, all of it prepared.
    /^function genHeader [\s\S]*?^protocol\.EMPTY = \{[\s\S]*?^\}\n/m,
    /^protocol\.SESSIONPRESENT_HEADER = .*\nprotocol\.CONNACK_HEADER = .*\n/m,
    /^protocol\.CONNECT_HEADER = .*\n/m,
    /^\/\* Mnemonic => Command code \*\/\n[\s\S]*?^\}\n/m,
    /^protocol\.MQTT5_UNSUBACK_CODES = \{[\s\S]*?^\}\n/m,
    /^protocol\.MQTT5_AUTH_CODES = \{[\s\S]*?^\}\n/m,
  ],
};

/** The entry: its parser alone. The agent writes what it sends itself (agent/src/mqtt/codec.ts). */
const entry = `import Parser from './parser'
export default { parser: Parser.parser }
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
    if (!part.test(result)) fail(`there is no ${part}`);
    result = result.replace(part, '');
  }
  result = result
    .replace(/^\s*(?:const debug = require\('debug'\)\(.*\)|debug\(.*\))$/gm, '')
    // The tiny engine has but this one, and it gives the same for plain objects.
    .replaceAll('Object.getOwnPropertyNames(', 'Object.keys(')
    // Only whether a code is known is asked.
    .replace(/^( *0x[\dA-F]{2}): '.*?'(?=,?$)/gm, '$1: 1')
    .replace(/^const (\w+|\{ \w+ \}) = require\('([^']+)'\)$/gm, "import $1 from '$2'")
    .replace(/^const (\w+) = module\.exports$/m, 'const $1 = {}\nexport default $1')
    .replace(/^module\.exports = /m, 'export default ');
  if (/\bdebug\(|\brequire\(|\bmodule\.exports\b/.test(result)) fail('it is not written as before');
  return result;
}

/** @type {import('esbuild').Plugin} */
export const mqttPacket = {
  name: 'mqtt-packet',
  setup(build) {
    build.onResolve({ filter: /^(?:bl|events)$/ }, ({ path, importer }) =>
      /[\\/]mqtt-packet[\\/]/.test(importer) ? { path: standIns[path] ?? path } : undefined,
    );
    build.onLoad({ filter: /[\\/]node_modules[\\/]mqtt-packet[\\/]\w+\.js$/ }, ({ path }) => ({
      contents: reduced(basename(path), readFileSync(path, 'utf8')),
      loader: 'js',
    }));
  },
};
