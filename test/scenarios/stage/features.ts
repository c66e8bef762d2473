const without = new Set((process.env.RM_WITHOUT ?? '').split(','));

/** Whether the executable was built without this feature of `toolchain/tiny/features.mjs` (`RM_WITHOUT`). */
export function lacks(feature: 'tls' | 'tls13' | 'import'): boolean {
  return without.has(feature);
}
