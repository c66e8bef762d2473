import { native, type Scripts } from './native.ts';

/**
 * What one of the scripts behind the first offers (`toolchain/tiny/scripts.mjs`). It is loaded at the first call, so that an
 * agent which does not need it has no memory for it.
 */
export function script<Name extends keyof Scripts>(name: Name): NonNullable<Scripts[Name]> {
  if (!native.scripts[name]) native.runScript(name);
  const offered = native.scripts[name];
  if (!offered) throw new TypeError(`the script ${name} offers nothing`);
  return offered;
}
