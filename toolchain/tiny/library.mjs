// The engine's library without what the agent does not use: tables of quickjs-small-library.patch, and the functions here.
import { parse } from 'acorn';

const syntax = [/\*\*/, /\\p\{/i, /\.normalize\(/];

/** Functions that are taken out of a table of quickjs.c. No property of the bundle may have such a name. */
const functions = {
  js_object_funcs:
    'setPrototypeOf defineProperties getOwnPropertyNames getOwnPropertySymbols groupBy isExtensible preventExtensions ' +
    'getOwnPropertyDescriptor getOwnPropertyDescriptors seal freeze isSealed isFrozen __getClass',
  js_object_proto_funcs:
    'toLocaleString isPrototypeOf propertyIsEnumerable __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__',
  js_function_proto_funcs: 'bind fileName lineNumber columnNumber',
  js_array_proto_funcs:
    'with reduceRight findLast findLastIndex toLocaleString toReversed toSorted toSpliced copyWithin flat',
  js_number_proto_funcs: 'toExponential toPrecision toLocaleString',
  js_string_proto_funcs:
    'isWellFormed toWellFormed search substr trimRight trimLeft __quote toLocaleLowerCase toLocaleUpperCase anchor big blink bold ' +
    'fontcolor fontsize italics small strike sub sup',
  js_string_proto_normalize: 'localeCompare',
  js_math_funcs:
    'sqrt acos asin atan atan2 cos exp pow sin tan trunc sign cosh sinh tanh acosh asinh atanh expm1 log1p log2 log10 cbrt hypot ' +
    'fround imul clz32 LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2',
  js_reflect_obj: 'Reflect',
  js_symbol_funcs: 'keyFor',
  js_map_funcs: 'groupBy',
  js_promise_funcs: 'allSettled any withResolvers',
  js_global_funcs: 'parseFloat isNaN decodeURI encodeURI escape unescape',
  js_date_proto_funcs:
    'toUTCString toGMTString toDateString toTimeString toLocaleString toLocaleDateString toLocaleTimeString getYear setYear ' +
    'setTime setMilliseconds setUTCMilliseconds setSeconds setUTCSeconds setMinutes setUTCMinutes setHours setUTCHours ' +
    'setDate setUTCDate setMonth setUTCMonth setFullYear setUTCFullYear',
  js_bigint_funcs: 'asUintN asIntN',
  js_typed_array_base_proto_funcs:
    'with copyWithin reduceRight findLast findLastIndex reverse toReversed toSorted toLocaleString',
  js_dataview_proto_funcs:
    'getBigInt64 getBigUint64 getFloat32 getFloat64 setBigInt64 setBigUint64 setFloat32 setFloat64',
};

/** What is global in a full engine, and what of it only a host with promises has (agent/tiny/src/runtime.h). */
const globals = ['Reflect', 'Promise', 'BigInt', 'BigInt64Array', 'BigUint64Array'];

/** Properties that no function of the script has: quickjs-small-functions.patch. */
const ofFunctions = ['prototype'];

/** What the source of the engine must be without, for the cache. */
export const leftOut = JSON.stringify(functions);

/**
 * quickjs.c without these functions.
 * @param {string} source
 * @throws {TypeError} when a function is not in its table
 */
export function smallLibrary(source) {
  const missing = new Set(
    Object.entries(functions).flatMap(([table, names]) => names.split(' ').map((name) => `${table} ${name}`)),
  );
  let table = '';
  const lines = source.split('\n').filter((line) => {
    table = /^static const JSCFunctionListEntry (\w+)\[\]/.exec(line)?.[1] ?? table;
    const name = /^ +JS_\w+_DEF2?\("([^"]+)"/.exec(line)?.[1];
    return name === undefined || !missing.delete(`${table} ${name}`);
  });
  if (missing.size > 0) throw new TypeError(`quickjs.c has no ${[...missing].join(', ')}`);
  return lines.join('\n');
}

const leftOutSyntax = [
  'function*',
  'async function',
  'import()',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
];

/**
 * What a node is of the syntax that quickjs-without-async.patch and operations.mjs leave out.
 * @param {import('acorn').AnyNode} node
 */
function syntaxOf(node) {
  if (node.type === 'Literal' && typeof node.bigint === 'string') return 'BigInt';
  if ('generator' in node && node.generator) return 'function*';
  if ('async' in node && node.async) return 'async function';
  return node.type === 'ImportExpression' ? 'import()' : undefined;
}

/**
 * The names of the properties and the syntax that a script uses.
 * @param {import('acorn').AnyNode} node
 * @param {Set<string>} names
 */
function collect(node, names) {
  const found = syntaxOf(node);
  if (found !== undefined) names.add(found);
  if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier')
    names.add(node.property.name);
  if (node.type === 'Identifier' && globals.includes(node.name)) names.add(node.name);
  for (const child of Object.values(node).flat())
    if (typeof child === 'object' && child !== null && typeof child.type === 'string') collect(child, names);
}

/**
 * What a script needs and the engine does not have.
 * @param {string} script a classic one, in which `import`, `export` and `await` of modules are no syntax
 * @param {{ promises?: boolean }} [host] whether its host has them
 */
export function missingFromLibrary(script, { promises = false } = {}) {
  /** @type {Set<string>} */
  const names = new Set();
  collect(parse(script, { ecmaVersion: 2022, sourceType: 'script' }), names);
  return [
    ...syntax.flatMap((pattern) => pattern.exec(script)?.[0] ?? []),
    ...Object.values(functions)
      .flatMap((list) => list.split(' '))
      .concat(ofFunctions, leftOutSyntax, promises ? [] : 'Promise')
      .filter((name) => names.has(name)),
  ];
}
