/**
 * A JSON reader (RFC 8259) for files that people write: comments and a comma after the last entry are allowed, as in
 * JSONC. It reports the position of every value, and refuses a key that is given twice.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deeper nesting than this is an error; the configuration itself needs 4. */
const maxDepth = 32;

/** Where a character stands in a text. Both count from 1; columns are UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before[before.length - 1] ?? '').length + 1 };
}

/** The text is not JSON, or gives a key twice. `offset` is where in the text. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** The path of a member, as error messages write it: `services[1].port`, `device.properties["serial no"]`. */
export function memberPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/**
 * Reads `text`, with or without a byte order mark. `locate` is told the path of each value and the offset where it
 * starts; the document itself has the path `''`. Objects have no prototype. Throws {@link JsonSyntaxError}.
 */
export function parseJson(text: string, locate: (path: string, offset: number) => void): Json {
  return new Reader(text, locate).document();
}

class Reader {
  readonly #text: string;
  readonly #locate: (path: string, offset: number) => void;
  #at = 0;

  constructor(text: string, locate: (path: string, offset: number) => void) {
    this.#text = text;
    this.#locate = locate;
  }

  document(): Json {
    if (this.#text.startsWith('\ufeff')) this.#at++;
    const value = this.#value('', 0);
    if (this.#peek() !== '') this.#expected('the end of the file');
    return value;
  }

  /** The next character that is neither white space nor part of a comment, or `''` at the end. */
  #peek(): string {
    for (;;) {
      const space = /[^ \t\r\n]/g;
      space.lastIndex = this.#at;
      this.#at = space.exec(this.#text)?.index ?? this.#text.length;
      const start = this.#text.slice(this.#at, this.#at + 2);
      if (start !== '//' && start !== '/*') return start.charAt(0);
      const end = this.#text.indexOf(start === '//' ? '\n' : '*/', this.#at + 2);
      if (end >= 0) this.#at = end + (start === '//' ? 1 : 2);
      else if (start === '//') this.#at = this.#text.length;
      else this.#fail('a comment that does not end');
    }
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #expected(what: string): never {
    const found = this.#peek();
    const comment = found === '#' ? ' (comments are written // or /* */)' : '';
    this.#fail(
      `expected ${what}, found ${found === '' ? 'the end of the file' : JSON.stringify(found)}${comment}`,
    );
  }

  #fail(message: string, offset = this.#at): never {
    throw new JsonSyntaxError(message, offset);
  }

  #value(path: string, depth: number): Json {
    if (depth > maxDepth) this.#fail(`nested deeper than ${maxDepth} levels`);
    const first = this.#peek();
    this.#locate(path, this.#at);
    if (first === '{') return this.#object(path, depth);
    if (first === '[') return this.#array(path, depth);
    if (first === '"') return this.#string();
    return this.#word();
  }

  #object(path: string, depth: number): JsonObject {
    const object: Record<string, Json> = Object.create(null);
    this.#at++;
    while (this.#peek() !== '}') {
      if (this.#peek() !== '"') this.#expected('a key in double quotes');
      const keyAt = this.#at;
      const key = this.#string();
      if (key in object) this.#fail(`the key ${JSON.stringify(key)} is given twice`, keyAt);
      if (!this.#skip(':')) this.#expected(`":" after the key ${JSON.stringify(key)}`);
      object[key] = this.#value(memberPath(path, key), depth + 1);
      if (!this.#skip(',')) break;
    }
    if (!this.#skip('}')) this.#expected('"," or "}"');
    return object;
  }

  #array(path: string, depth: number): Json[] {
    const array: Json[] = [];
    this.#at++;
    while (this.#peek() !== ']') {
      array.push(this.#value(memberPath(path, array.length), depth + 1));
      if (!this.#skip(',')) break;
    }
    if (!this.#skip(']')) this.#expected('"," or "]"');
    return array;
  }

  #string(): string {
    const start = this.#at++;
    for (; ; this.#at++) {
      const character = this.#text.charAt(this.#at);
      if (character === '' || character === '\n') this.#fail('a string that does not end', start);
      if (character === '\\') this.#at++;
      if (character === '"') break;
    }
    return this.#primitive(start, ++this.#at) as string;
  }

  #word(): Json {
    const start = this.#at;
    while (/[\w.+-]/.test(this.#text.charAt(this.#at))) this.#at++;
    if (this.#at === start) this.#expected('a value');
    return this.#primitive(start, this.#at);
  }

  /** A string, number or word; the engine's own parser knows their grammar. */
  #primitive(start: number, end: number): Json {
    const source = this.#text.slice(start, end);
    try {
      return JSON.parse(source);
    } catch {
      this.#fail(
        source.startsWith('"')
          ? 'a string with an escape or a character that JSON does not allow'
          : // Not shown: it may be a password whose quotes were forgotten.
            'expected a value; text stands in double quotes',
        start,
      );
    }
  }
}
