import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** A file that browsers load. */
export interface Asset {
  readonly type: string;
  readonly content: Buffer;
  readonly gzip: Buffer;
}

/** The dashboard as `toolchain/dashboard.mjs` has bundled it. */
export interface Assets {
  /** Names of the script, the style sheet and the icon. */
  readonly script: string;
  readonly style: string;
  readonly icon: string;
  readonly files: ReadonlyMap<string, Asset>;
}

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

const folder = new URL('../../dist/assets/', import.meta.url);

/** `null`: it was not bundled. Throws when files of it are missing. */
export function readAssets(from: URL = folder): Assets | null {
  const list = new URL('assets.json', from);
  if (!existsSync(list)) return null;
  const { script, style, icon, files } = JSON.parse(readFileSync(list, 'utf8')) as {
    readonly script: string;
    readonly style: string;
    readonly icon: string;
    readonly files: readonly string[];
  };
  const read = (name: string): Asset => {
    const content = readFileSync(new URL(name, from));
    const type = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    return { type, content, gzip: gzipSync(content, { level: 9 }) };
  };
  return { script, style, icon, files: new Map(files.map((name) => [name, read(name)])) };
}
