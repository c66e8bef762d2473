// The reference of a C header as Markdown: each comment that begins with two stars, with what it documents.

/**
 * @typedef {object} Entry
 * @property {string} name of the function, type or macro
 * @property {string} comment
 * @property {string} code what it documents
 */

/** A comment without its stars. @param {string} comment */
const plain = (comment) =>
  comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();

/** The end of the declaration at the start of this text: a macro's line, or the semicolon outside of braces. @param {string} text */
function declarationOf(text) {
  if (text.startsWith('#')) return text.split('\n', 1)[0] ?? '';
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[{};]/g, ' '));
  let depth = 0;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '{') depth++;
    else if (code[at] === '}') depth--;
    else if (code[at] === ';' && depth === 0) return text.slice(0, at + 1);
  }
  return text;
}

/** @param {string} code */
function nameOf(code) {
  return (
    /^#define (\w+)/.exec(code)?.[1] ??
    /^typedef (?:struct|enum) (\w+)/.exec(code)?.[1] ??
    /(\w+)\(/.exec(code)?.[1] ??
    ''
  );
}

/**
 * What a header declares, in its order; a declaration without a comment of its own too.
 * @param {string} header
 * @returns {{ introduction: string, entries: Entry[] }}
 */
export function readHeader(header) {
  const [, first = ''] = /(\/\*\*\n \* @file[\s\S]*?\*\/)/.exec(header) ?? [];
  /** @type {Entry[]} */
  const entries = [];
  const start =
    /(?:(\/\*\*(?:[^*]|\*(?!\/))*\*\/)\n)?^(?=typedef |#define RM_AGENT_OPTIONS|[a-z][\w ]*[ *]rm_agent_\w+\()/gm;
  let end = 0;
  for (const match of header.matchAll(start)) {
    if (match.index < end) continue;
    const code = declarationOf(header.slice(match.index + match[0].length));
    end = match.index + match[0].length + code.length;
    entries.push({ name: nameOf(code), comment: plain(match[1] ?? ''), code });
  }
  return { introduction: plain(first).replace(/^@file\s*/, ''), entries };
}

/** A comment's `@param name text` and `@ref name` as Markdown. @param {string} comment */
const asMarkdown = (comment) =>
  comment
    .replace(/@ref ([\w.]+)/g, '`$1`')
    .replace(/(?:^|\n)\n?@param (\w+) /g, '\n\n- `$1`: ')
    .trim();

/**
 * The page of a header.
 * @param {string} title
 * @param {string} header
 */
export function headerPage(title, header) {
  const { introduction, entries } = readHeader(header);
  const parts = entries.map(
    ({ name, comment, code }) => `## ${name}\n\n${asMarkdown(comment)}\n\n\`\`\`c\n${code}\n\`\`\`\n`,
  );
  return `# ${title}\n\n${asMarkdown(introduction)}\n\n${parts.join('\n')}`;
}
