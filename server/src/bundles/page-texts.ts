import { existsSync, readFileSync } from 'node:fs';

/** Texts by key. */
type Catalogue = Readonly<Record<string, string>>;

/** Each folder that a bundler has written, and how the keys of its texts begin for everybody else. */
const folders = [
  { prefix: '', from: new URL('../../dist/assets/', import.meta.url) },
  { prefix: 'desk.', from: new URL('../../dist/desk-assets/', import.meta.url) },
] as const;

/**
 * What the dashboard, the terminal and the desktop say, by language and key. `null`: not all of them are bundled. Throws when files of
 * a bundle are missing.
 */
export function readPageTexts(): ReadonlyMap<string, Catalogue> | null {
  const languages = new Map<string, Record<string, string>>();
  for (const { prefix, from } of folders) {
    const list = new URL('assets.json', from);
    if (!existsSync(list)) return null;
    const { files } = JSON.parse(readFileSync(list, 'utf8')) as { readonly files: readonly string[] };
    for (const name of files) {
      const language = /^([a-z]{2,3})-[A-Z0-9]+\.json$/.exec(name)?.[1];
      if (language === undefined) continue;
      const texts = JSON.parse(readFileSync(new URL(name, from), 'utf8')) as Catalogue;
      const all = languages.get(language) ?? {};
      for (const [key, text] of Object.entries(texts)) all[prefix + key] = text;
      languages.set(language, all);
    }
  }
  return languages;
}
