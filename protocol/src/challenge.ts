import { ProtocolError } from './errors.ts';

/** One challenge of `WWW-Authenticate` or `Proxy-Authenticate`, or one set of credentials (RFC 9110 section 11). */
export interface Challenge {
  /** In lower case, for example `digest`. */
  readonly scheme: string;
  /** Names in lower case; values without their quotes. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The token68 that stands in place of parameters, as in `Basic dTpw`; else empty. */
  readonly token: string;
}

const tokenPattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const token68Pattern = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const quotedPattern = /"((?:[^"\\]|\\.)*)"/y;
const spacePattern = /[ \t]*/y;
const separatorPattern = /[ \t,]*/y;

/** Reads `text` from left to right with sticky patterns. */
class Scanner {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.at >= this.#text.length;
  }

  /** The first group of `pattern` (or all it matched) at the present place, or `null` and no progress. */
  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (!match) return null;
    this.at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  /** `name =`, or `null` and no progress. */
  takeName(): string | null {
    const start = this.at;
    const name = this.take(tokenPattern);
    this.take(spacePattern);
    if (name !== null && this.#text.charAt(this.at) === '=') {
      this.at++;
      this.take(spacePattern);
      return name;
    }
    this.at = start;
    return null;
  }
}

/** All challenges of a header value; several header lines are joined with commas first. Throws `RM_CREDENTIALS`. */
export function decodeChallenges(header: string): Challenge[] {
  const scanner = new Scanner(header);
  const challenges: Challenge[] = [];
  scanner.take(separatorPattern);
  while (!scanner.done) {
    const scheme = scanner.take(tokenPattern);
    if (scheme === null) throw new ProtocolError('RM_CREDENTIALS', 'challenge without a scheme');
    const spaced = scanner.take(spacePattern);
    const parameters = new Map<string, string>();
    const token = (spaced && scanner.take(token68Pattern)) || '';
    scanner.take(separatorPattern);
    for (let name = scanner.takeName(); name !== null; name = scanner.takeName()) {
      const quoted = scanner.take(quotedPattern);
      const value = quoted === null ? scanner.take(tokenPattern) : quoted.replace(/\\(.)/g, '$1');
      if (value === null) throw new ProtocolError('RM_CREDENTIALS', `parameter ${name} without a value`);
      parameters.set(name.toLowerCase(), value);
      scanner.take(separatorPattern);
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters, token });
  }
  return challenges;
}
