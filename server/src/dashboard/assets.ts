import { type Asset, readBundle } from '../bundles/files.ts';

/** The dashboard as `toolchain/dashboard.mjs` has bundled it. */
export interface Assets {
  /** Names of the script, the style sheet and the icon. */
  readonly script: string;
  readonly style: string;
  readonly icon: string;
  readonly files: ReadonlyMap<string, Asset>;
}

interface List extends Omit<Assets, 'files'> {
  readonly files: readonly string[];
}

const folder = new URL('../../dist/assets/', import.meta.url);

/** `null`: it was not bundled. Throws when files of it are missing. */
export function readAssets(from: URL = folder): Assets | null {
  const bundle = readBundle<List>(from);
  return bundle && { ...bundle.list, files: bundle.files };
}
