/**
 * A properties file as the original agent reads it (POCO's `PropertyFileConfiguration`): `key = value` or `key: value`,
 * comments that start with `#` or `!`, escapes `\t \n \r \f`, any other escaped character for itself, and a backslash
 * before the line break to go on in the next line. White space around keys and values does not count; of a repeated
 * key the last counts.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const separator = /[=:]/.exec(line)?.index ?? line.length;
    const key = unescaped(line.slice(0, separator)).trim();
    if (key !== '') properties.set(key, unescaped(line.slice(separator + 1)).trim());
  }
  return properties;
}

/** The lines that are no comment, each with those that continue it. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let continued = false;
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    const start = line.trimStart();
    if (!continued && (start === '' || start.startsWith('#') || start.startsWith('!'))) continue;
    // An even number of backslashes at the end is escaped backslashes.
    let end = line.length;
    while (line[end - 1] === '\\') end--;
    const more = (line.length - end) % 2 === 1;
    const part = more ? line.slice(0, -1) : line;
    if (continued) lines.push((lines.pop() ?? '') + part);
    else lines.push(part);
    continued = more;
  }
  return lines;
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
}

/** System variables of the original that the agent has as well. */
const variables: Readonly<Record<string, string>> = {
  'system.nodeId': '${nodeId}',
  'system.nodeName': '${hostname}',
};

/** What the import may know of the machine and of the file. */
export interface ImportFacts {
  /** As the host reports it: `Linux/6.1.0; x86_64`. */
  readonly platform: string;
  /** Of the imported file, absolute, with `/` at its end. */
  readonly directory: string;
  /** Unix milliseconds. */
  readonly dateMs: number;
  environment(name: string): string | undefined;
}

/** The value now of a variable that only the original has; directories end with `/`, as POCO's do. */
function valueNow(name: string, { platform, directory, dateMs, environment }: ImportFacts): string | null {
  const [, osName = '', osVersion = '', osArchitecture = ''] = /^(.*?)\/(.*); (.*)$/.exec(platform) ?? [];
  const directoryIn = (variable: string) => environment(variable)?.replace(/\/*$/, '/') ?? null;
  switch (name) {
    case 'system.osName':
      return osName;
    case 'system.osVersion':
      return osVersion;
    case 'system.osArchitecture':
      return osArchitecture;
    case 'system.currentDir':
      return directoryIn('PWD');
    case 'system.homeDir':
      return directoryIn('HOME');
    case 'system.tempDir':
      return directoryIn('TMPDIR') ?? '/tmp/';
    case 'system.dateTime':
      return new Date(dateMs).toISOString().replace(/\.\d+/, '');
    case 'application.dir':
    case 'application.configDir':
      return directory;
    case 'application.path':
      return `${directory}WebTunnelAgent`;
    case 'application.name':
    case 'application.baseName':
      return 'WebTunnelAgent';
    default:
      return null;
  }
}

/** Characters that values may grow to in all when their references are replaced: each may name another twice. */
const mostExpanded = 262_144;

/** The properties of a file in the syntax of our own configuration, and the keys that were not taken. */
export class Properties {
  readonly #raw: ReadonlyMap<string, string>;
  readonly #unused: Set<string>;
  readonly #facts: ImportFacts;
  readonly #warn: (message: string) => void;
  #expanded = 0;

  constructor(raw: ReadonlyMap<string, string>, facts: ImportFacts, warn: (message: string) => void) {
    this.#raw = raw;
    this.#unused = new Set(raw.keys());
    this.#facts = facts;
    this.#warn = warn;
  }

  /** The keys that have a value and were not taken, in the order of the file. */
  get unused(): string[] {
    return [...this.#unused].filter((key) => this.#raw.get(key) !== '');
  }

  /** The value with its references replaced; `null` when the key is missing or its value is empty. */
  take(key: string): string | null {
    this.#unused.delete(key);
    return this.#value(key, []) || null;
  }

  /** An integer; `null` when missing, with a warning when it is something else. */
  takeInteger(key: string): number | null {
    const value = this.take(key);
    if (value === null) return null;
    if (/^-?\d+$/.test(value)) return Number(value);
    this.#warn(`${key}: "${value}" is not an integer, left out`);
    return null;
  }

  /** A Boolean as POCO spells it; `null` when missing, with a warning when it is something else. */
  takeFlag(key: string): boolean | null {
    const value = this.take(key)?.toLowerCase();
    if (value === undefined) return null;
    if (/^(?:true|yes|on|0*[1-9]\d*)$/.test(value)) return true;
    if (/^(?:false|no|off|0+)$/.test(value)) return false;
    this.#warn(`${key}: "${value}" is neither true nor false, left out`);
    return null;
  }

  /** `${name}` and `${name:-default}`, of which the default counts where the name is unknown. */
  #value(key: string, within: readonly string[]): string {
    const raw = this.#raw.get(key) ?? '';
    const before = this.#expanded;
    this.#expanded += 1 + raw.length;
    if (this.#expanded > mostExpanded) {
      if (before <= mostExpanded)
        this.#warn(`${key}: the variables of this file are too long, kept as text from here on`);
      return raw;
    }
    return raw.replace(/\$\{([^}]*)\}?/g, (reference, inner: string) => {
      const [, name = '', standard] = /^(.*?)(?::-(.*))?$/s.exec(inner) ?? [];
      const variable = variables[name];
      if (variable !== undefined) return variable;
      if (name.startsWith('system.env.')) return `\${env.${inner.slice('system.env.'.length)}}`;
      if (this.#raw.has(name) && !within.includes(name) && name !== key)
        return this.#value(name, [...within, key]);
      const now = valueNow(name, this.#facts);
      if (now !== null) {
        const where = name.startsWith('application.') ? 'by where this file is' : 'its value now';
        this.#warn(`${key}: ${reference} is replaced by "${now}", ${where}`);
        return now;
      }
      if (standard !== undefined) return standard;
      this.#warn(`${key}: ${reference} has no counterpart, kept as text`);
      return `\${$}${reference.slice(1)}`;
    });
  }
}
