import { Unicode11Addon } from '@xterm/addon-unicode11';
import type { IUnicodeVersionProvider, Terminal } from '@xterm/xterm';
import { limits } from '../limits.ts';

/** Properties of a character, as xterm packs them: whether it joins the one before, its width, and a state of the provider. */
const joins = 1;
const oneColumn = 1 << 1;
const stateShift = 3;

/** Unicode 11, with as many combining characters in a cell as `combiningCharacters`: the next one begins another cell. */
class BoundedCells implements IUnicodeVersionProvider {
  readonly version = 'bounded';
  readonly #widths: IUnicodeVersionProvider;

  /** `widths`: a provider that keeps no state of its own. */
  constructor(widths: IUnicodeVersionProvider) {
    this.#widths = widths;
  }

  wcwidth(codepoint: number): 0 | 1 | 2 {
    return this.#widths.wcwidth(codepoint);
  }

  charProperties(codepoint: number, preceding: number): number {
    const properties = this.#widths.charProperties(codepoint, preceding);
    if ((properties & joins) === 0) return properties;
    const inCell = (preceding >> stateShift) + 1;
    return inCell > limits.combiningCharacters ? oneColumn : properties | (inCell << stateShift);
  }
}

/** Widths of characters by Unicode 11, and bounded cells. */
export function useUnicode({ unicode }: Pick<Terminal, 'unicode'>): void {
  const register = (widths: IUnicodeVersionProvider) => unicode.register(new BoundedCells(widths));
  new Unicode11Addon().activate({ unicode: { register } } as unknown as Terminal);
  unicode.activeVersion = 'bounded';
}
