/** A proxy in front of the reflector. */
export interface FrontOptions {
  /** Where it listens, with TLS. */
  readonly port: number;
  /** The port of the reflector. */
  readonly reflector: number;
  /** Paths of PEM files. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** What to replace in the example, besides names and addresses. */
  readonly edits?: readonly (readonly [from: string | RegExp, to: string])[];
}

/** A proxy in front of two reflectors that speak TLS themselves. */
export interface BalancedOptions extends Omit<FrontOptions, 'reflector'> {
  readonly reflectors: readonly [number, number];
  /** PEM file of the authority of their certificates. */
  readonly authority: string;
}

/** A file of the examples with some of its text replaced, all of which must be there. */
export function edited(text: string, edits: NonNullable<FrontOptions['edits']>): string {
  return edits.reduce((present, [from, to]) => {
    const next = present.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to);
    if (next === present) throw new Error(`the example has no ${from}`);
    return next;
  }, text);
}
