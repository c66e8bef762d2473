/** The claims of an ID token or of the user info. */
export type Claims = Readonly<Record<string, unknown>>;

/** What is at the end of a way into objects; only what an object has itself counts. */
export function claimAt(claims: Claims, way: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of way) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

/** The texts of a claim that is a text or a list. Of an object, as some providers write roles, its names. */
export function textsOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return [claim];
  if (Array.isArray(claim)) return claim.filter((item) => typeof item === 'string');
  return typeof claim === 'object' && claim !== null ? Object.keys(claim) : [];
}
