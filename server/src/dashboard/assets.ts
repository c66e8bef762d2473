import { type Asset, readBundle } from '../bundles/files.ts';

/** The dashboard as `toolchain/dashboard.mjs` has bundled it. */
export interface Assets {
  /** Names of the script, the style sheet and the icon. */
  readonly script: string;
  readonly style: string;
  readonly icon: string;
  readonly files: ReadonlyMap<string, Asset>;
  /** By language, then by key. */
  readonly texts: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

interface List extends Omit<Assets, 'files' | 'texts'> {
  readonly files: readonly string[];
}

const folder = new URL('../../dist/assets/', import.meta.url);

/** `null`: it was not bundled. Throws when files of it are missing. */
export function readAssets(from: URL = folder): Assets | null {
  const bundle = readBundle<List>(from);
  if (!bundle) return null;
  const texts = [...bundle.files].flatMap(([name, { content }]) => {
    const language = /^([a-z]{2,3})-[A-Z0-9]+\.json$/.exec(name)?.[1];
    return language === undefined
      ? []
      : [[language, JSON.parse(content.toString('utf8')) as Readonly<Record<string, string>>] as const];
  });
  return { ...bundle.list, files: bundle.files, texts: new Map(texts) };
}
