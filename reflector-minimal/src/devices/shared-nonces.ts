import type { OneUseTokens } from '../one-use/one-use-tokens.ts';
import type { DigestNonces, NonceUse } from './nonces.ts';

/** Nonces that any process of an installation takes: the challenge may come from one, and its answer reach another. */
export class SharedNonces implements DigestNonces {
  readonly knowsUses = false;
  readonly #tokens: OneUseTokens;

  constructor(tokens: OneUseTokens) {
    this.#tokens = tokens;
  }

  issue(): string {
    return this.#tokens.issue();
  }

  check(nonce: string): 'good' | 'stale' | 'foreign' {
    const found = this.#tokens.read(nonce);
    return typeof found === 'string' ? found : 'good';
  }

  async use(nonce: string): Promise<NonceUse> {
    return (await this.#tokens.redeem(nonce)) === null ? 'stale' : 'used';
  }
}
