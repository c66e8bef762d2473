// Private names (`#name`) of a bundle as ordinary properties. In QuickJS each private name is a symbol in a variable that
// every method which uses it must capture: memory, and one more step for each use. TypeScript has checked who uses them.
import { parse } from 'acorn';

/**
 * @typedef {import('acorn').AnyNode | import('acorn').Program} Node
 * @typedef {import('acorn').ClassDeclaration | import('acorn').ClassExpression} Class
 * @typedef {{ start: number, end: number, text: string }} Replacement
 */

/**
 * The nodes right below a node.
 * @param {Node} node
 * @returns {Node[]}
 */
function children(node) {
  return Object.values(node)
    .flat()
    .filter((value) => typeof value === 'object' && value !== null && typeof value.type === 'string');
}

/** @param {Node} node @returns {node is Class} */
const isClass = (node) => node.type === 'ClassDeclaration' || node.type === 'ClassExpression';

/** The private names that a class declares. @param {Class} node */
function declared(node) {
  const names = node.body.body.flatMap((member) =>
    'key' in member && member.key?.type === 'PrivateIdentifier' ? [member.key.name] : [],
  );
  return [...new Set(names)];
}

/**
 * Names that begin with `$`, numbered within each class: what a class inherits has the numbers before. Public names of the
 * bundle must not begin so.
 */
class Renaming {
  /** @type {Map<string, Class>} */
  #classes = new Map();
  /** @type {Replacement[]} */
  replacements = [];

  /** @param {Node} program */
  constructor(program) {
    this.#find(program);
    this.#rename(program, []);
  }

  /** @param {Node} node */
  #find(node) {
    if (isClass(node) && node.id) this.#named(node.id.name, node);
    if (
      node.type === 'VariableDeclarator' &&
      node.id.type === 'Identifier' &&
      node.init &&
      isClass(node.init)
    )
      this.#named(node.id.name, node.init);
    for (const child of children(node)) this.#find(child);
  }

  /** @param {string} name @param {Class} node */
  #named(name, node) {
    const other = this.#classes.get(name);
    if (other && other !== node) throw new TypeError(`two classes have the name ${name}`);
    this.#classes.set(name, node);
  }

  /** How many private names an object of this class has. @param {Class | undefined} node @returns {number} */
  #count(node) {
    return node === undefined ? 0 : this.#inherited(node) + declared(node).length;
  }

  /** @param {Class} node @returns {number} */
  #inherited({ superClass }) {
    if (!superClass) return 0;
    const parent = superClass.type === 'Identifier' ? superClass.name : '';
    if (parent !== 'Error' && !this.#classes.has(parent))
      throw new TypeError('a class extends an expression');
    return this.#count(this.#classes.get(parent));
  }

  /**
   * @param {Node} node
   * @param {readonly ReadonlyMap<string, string>[]} scopes of the classes around it, the innermost first
   */
  #rename(node, scopes) {
    if (node.type === 'BinaryExpression' && node.left.type === 'PrivateIdentifier')
      throw new TypeError(`#${node.left.name} in …: a brand check needs private names`);
    if (node.type === 'PrivateIdentifier') {
      const text = scopes.find((scope) => scope.has(node.name))?.get(node.name);
      if (text === undefined) throw new TypeError(`#${node.name} is not declared`);
      this.replacements.push({ start: node.start, end: node.end, text });
    }
    if (node.type === 'Identifier' && /^\$\d/.test(node.name))
      throw new TypeError(`${node.name} could be taken for a private name`);
    const inner = isClass(node)
      ? [new Map(declared(node).map((name, index) => [name, `$${this.#inherited(node) + index}`])), ...scopes]
      : scopes;
    for (const child of children(node)) this.#rename(child, inner);
  }
}

/**
 * @param {string} script
 * @returns {string}
 * @throws {TypeError} for what depends on names that are private: `#name in object`
 */
export function withoutPrivateNames(script) {
  const program = parse(script, { ecmaVersion: 2022, sourceType: 'script' });
  const { replacements } = new Renaming(program);
  let result = '';
  let done = 0;
  for (const { start, end, text } of replacements.sort((a, b) => a.start - b.start)) {
    result += script.slice(done, start) + text;
    done = end;
  }
  return result + script.slice(done);
}
