// Judges a value by a JSON Schema, as far as board.schema.json uses it.

/**
 * @typedef {object} Schema
 * @property {string} [$ref] judged elsewhere
 * @property {'object' | 'array' | 'string' | 'number' | 'boolean'} [type]
 * @property {Schema} [items] of an array; none may be there twice
 * @property {readonly string[]} [enum]
 * @property {number} [minLength]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {readonly string[]} [required]
 * @property {Readonly<Record<string, Schema>>} [properties] no others are allowed
 */

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What is allowed, for people.
 * @param {Schema} schema
 */
function allowed({ type, enum: values, minimum, maximum }) {
  if (values) return `one of ${values.join(', ')}`;
  if (type === 'number') return `a number from ${minimum} to ${maximum}`;
  return {
    object: 'an object',
    array: 'a list without repetitions',
    string: 'text',
    boolean: 'true or false',
  }[type ?? 'object'];
}

/**
 * @param {Schema} schema
 * @param {unknown} value
 */
function isRight({ type, enum: values, minLength = 0, minimum, maximum }, value) {
  if (values) return values.some((each) => each === value);
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value) && new Set(value).size === value.length;
  if (type === 'string') return typeof value === 'string' && value.length >= minLength;
  if (type === 'number')
    return typeof value === 'number' && value >= Number(minimum) && value <= Number(maximum);
  return typeof value === type;
}

/**
 * What a person must change, one line each.
 * @param {Schema} schema
 * @param {unknown} value
 * @param {string} [path] of the value
 * @returns {string[]}
 */
export function schemaFaults(schema, value, path = '') {
  if (schema.$ref)
    return isObject(value) ? [] : [`${path}: found ${JSON.stringify(value)}; allowed is an object`];
  if (!isRight(schema, value)) {
    const found = JSON.stringify(value) ?? 'nothing';
    return [`${path ? `${path}: ` : ''}found ${found}; allowed is ${allowed(schema)}`];
  }
  const { properties, items, required = [] } = schema;
  if (items && Array.isArray(value))
    return value.flatMap((each, index) => schemaFaults(items, each, `${path}[${index}]`));
  if (!properties || !isObject(value)) return [];
  const at = (/** @type {string} */ key) => (path ? `${path}.${key}` : key);
  const keys = Object.keys(properties);
  return [
    ...Object.keys(value)
      .filter((key) => !keys.includes(key))
      .map((key) => `${at(key)}: unknown; allowed are ${keys.join(', ')}`),
    ...Object.entries(properties)
      .filter(([key]) => Object.hasOwn(value, key) || required.includes(key))
      .flatMap(([key, member]) => schemaFaults(member, value[key], at(key))),
  ];
}
