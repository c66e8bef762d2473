/** What the domain of a device may be, for a person who gave another. */
export const domainRule = 'a UUID, or 1 to 64 of letters, digits, ".", "_" and "-"';

/**
 * Whether this can be the domain of a device: nothing that a terminal or a page would act on. It holds for what an
 * operator types as for what a device sends.
 */
export function isDomain(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(text);
}
