import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** A file that browsers load. */
export interface Asset {
  readonly type: string;
  readonly content: Buffer;
  readonly gzip: Buffer;
}

/** What a bundler of `toolchain/` has written: a list of files in `assets.json`, and the files beside it. */
export interface Bundle<List> {
  readonly list: List;
  readonly files: ReadonlyMap<string, Asset>;
}

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
};

/** `null`: it was not bundled. Throws when files of it are missing. */
export function readBundle<List extends { readonly files: readonly string[] }>(
  from: URL,
): Bundle<List> | null {
  const path = new URL('assets.json', from);
  if (!existsSync(path)) return null;
  const list = JSON.parse(readFileSync(path, 'utf8')) as List;
  const read = (name: string): Asset => {
    const content = readFileSync(new URL(name, from));
    const type = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    return { type, content, gzip: gzipSync(content, { level: 9 }) };
  };
  return { list, files: new Map(list.files.map((name) => [name, read(name)])) };
}
