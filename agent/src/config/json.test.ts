import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSyntaxError, memberPath, parseJson, positionAt } from './json.ts';

function parse(text: string): unknown {
  return parseJson(text, () => {});
}

function failure(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = positionAt(text, error.offset);
    return `${line}:${column}: ${error.message}`;
  }
  return 'no failure';
}

/** The value; or that a key is given twice, which only this reader refuses. */
function outcome(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError && error.message.endsWith('is given twice')) return 'a key twice';
    throw error;
  }
}

/** Takes out each comma between a value and the end of its array or object, outside strings. */
function withoutLastCommas(text: string): string {
  const string = /"(?:\\.|[^"\\])*"/.source;
  const value = `(${string}|[\\]}el1])([ \\n]*),(?=[ \\n]*[\\]}])`;
  return text.replace(new RegExp(`${value}|${string}`, 'g'), (all, last?: string, space = '') =>
    last === undefined ? all : last + space,
  );
}

describe('parseJson', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom('', 1, '\t', '\r\n '), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('accepts what the engine accepts, a comma behind the last entry, and throws only its own error', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      'true',
      'null',
      '1',
      '-',
      '.5',
      'e1',
      ' ',
      '\n',
      'x',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(withoutLastCommas(text));
        } catch {
          expect(() => parse(text)).toThrow(JsonSyntaxError);
          return;
        }
        const ours = outcome(text);
        if (ours !== 'a key twice') expect(ours).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['', '1:1: expected a value, found the end of the file'],
    ['{ , }', '1:3: expected a key in double quotes, found ","'],
    ['{ "a": 1,, }', '1:10: expected a key in double quotes, found ","'],
    ['[,]', '1:2: expected a value, found ","'],
    ['[1,,2]', '1:4: expected a value, found ","'],
    ['[1,', '1:4: expected a value, found the end of the file'],
    ['{ "a" 1 }', '1:7: expected ":" after the key "a", found "1"'],
    ['{ "a": 1\n  "b": 2 }', '2:3: expected "," or "}", found "\\""'],
    ['[1, 2', '1:6: expected "," or "]", found the end of the file'],
    ['{ "a": tru }', '1:8: expected a value; text stands in double quotes'],
    ['{ "a": 01 }', '1:8: expected a value; text stands in double quotes'],
    ['{ "a": "x\n" }', '1:8: a string that does not end'],
    ['{ "a": "\\x" }', '1:8: a string with an escape or a character that JSON does not allow'],
    ['{} x', '1:4: expected the end of the file, found "x"'],
    ['{ # why\n}', '1:3: expected a key in double quotes, found "#" (comments are written // or /* */)'],
    ['{ /* why }', '1:3: a comment that does not end'],
    ['[1] /', '1:5: expected the end of the file, found "/"'],
    ['[1 /2]', '1:4: expected "," or "]", found "/"'],
    ['{ // "a": 1 }', '1:14: expected a key in double quotes, found the end of the file'],
    ['{ "a": 1,\n  "a": 2 }', '2:3: the key "a" is given twice'],
    ['['.repeat(40), '1:34: nested deeper than 32 levels'],
  ])('reports where %j is wrong', (text, message) => {
    expect(failure(text)).toBe(message);
  });

  it('reports the offset of every value', () => {
    const places: Record<string, number> = {};
    parseJson('{ "a": [ 1, { "b c": 2 } ] }', (path, offset) => {
      places[path] = offset;
    });
    expect(places).toEqual({ '': 0, a: 7, 'a[0]': 9, 'a[1]': 12, 'a[1]["b c"]': 21 });
  });

  it('keeps a key that an ordinary object would swallow', () => {
    const value = parse('{ "__proto__": 1, "constructor": 2 }') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  });

  it.each<[string, unknown]>([
    ['// first\n{ "a": 1 } // last', { a: 1 }],
    ['/* one\n * two */ [1 /* a */, /* b */ 2 /**/]', [1, 2]],
    ['{ "a" /* key */ : /* value */ "// no comment /*" /* end */ }', { a: '// no comment /*' }],
    ['[ "a", // why\r\n "b" ]', ['a', 'b']],
    ['[] //', []],
    ['[ /* nothing */ ]', []],
    ['{ "a": [1, 2,], }', { a: [1, 2] }],
    ['[\n  { "a": 1, }, // one\n  // two\n]', [{ a: 1 }]],
  ])('passes over comments and a last comma: %j', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it('reads 262,144 bytes of comments and white space in one pass', () => {
    expect(parse(`${'/**/ '.repeat(52_000)}1`)).toBe(1);
  });

  it('reports the offset of a value behind a comment', () => {
    const places: Record<string, number> = {};
    parseJson('/* a */ { // b\n "c": /* d */ 1 }', (path, offset) => {
      places[path] = offset;
    });
    expect(places).toEqual({ '': 8, c: 29 });
  });

  it('passes over a byte order mark', () => {
    expect(parse('\ufeff[1]')).toEqual([1]);
  });
});

describe('memberPath', () => {
  it('writes members and entries', () => {
    expect(memberPath('', 'device')).toBe('device');
    expect(memberPath('services', 1)).toBe('services[1]');
    expect(memberPath('services[1]', 'port')).toBe('services[1].port');
    expect(memberPath('device', 'serial no')).toBe('device["serial no"]');
  });
});
