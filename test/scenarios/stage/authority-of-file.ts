import { afterAll } from 'vitest';
import { Authority } from '../../certificates/authority.ts';

/** An authority for all scenarios of a file: made when it is first asked for, and removed after the last of them. */
export function authorityOfFile(make = () => new Authority()): () => Authority {
  let made: Authority | null = null;
  afterAll(() => made?.remove());
  return () => {
    made ??= make();
    return made;
  };
}
