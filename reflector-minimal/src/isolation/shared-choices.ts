import type { OneUseTokens } from '../one-use/one-use-tokens.ts';
import type { Session } from '../ports/identity.ts';
import type { Choices, DeviceChoices } from './choices.ts';

interface Payload {
  /** Id of the session that has chosen. */
  readonly session: string;
  readonly label: string;
}

/**
 * Choices where the form may reach one process, and what follows another: the browser carries the choice along, signed, for its own
 * session and for a moment. Afterwards each process remembers what it has heard.
 */
export class SharedChoices implements DeviceChoices {
  readonly #tokens: OneUseTokens;
  readonly #choices: Choices;

  constructor(tokens: OneUseTokens, choices: Choices) {
    this.#tokens = tokens;
    this.#choices = choices;
  }

  choose(session: Session, label: string): string {
    this.#choices.choose(session, label);
    const payload: Payload = { session: session.id, label };
    return this.#tokens.issue(Buffer.from(JSON.stringify(payload)));
  }

  chosen(session: Session, carried: string | null): string | null {
    const found = carried === null ? 'foreign' : this.#tokens.read(carried);
    if (typeof found === 'string') return this.#choices.chosen(session);
    const { session: id, label } = JSON.parse(found.payload.toString()) as Payload;
    if (id === session.id) this.#choices.choose(session, label);
    return this.#choices.chosen(session);
  }
}
