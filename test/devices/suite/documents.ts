import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The page of a device: it loads a style, an image and a script, and has a form. */
export const html = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Pump 7</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="style.css">
</head><body><h1>Pump 7</h1><img src="image.png" alt="">
<form method="post" action="form"><input name="speed" value="7"></form>
<script src="script.js"></script></body></html>
`;

export const style = 'h1 { color: #036 }\n';
export const script =
  'addEventListener("load", () => { document.title += ", " + document.images[0].naturalWidth; });\n';

/** One pixel. */
export const image = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Bytes that no two parts of are the same, as many as asked for. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = 7; i + 4 <= length; i += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes.writeUInt32LE(state, i);
  }
  return bytes;
}

/** Files for a server of files: the page, what it loads, 3 MiB to download, and a directory for a redirect. */
export function documents(parent: string, name = 'www'): string {
  const directory = join(parent, name);
  mkdirSync(join(directory, 'sub'), { recursive: true });
  const files: [string, string | Buffer][] = [
    ['index.html', html],
    ['style.css', style],
    ['script.js', script],
    ['image.png', image],
    ['firmware.bin', pattern(3 << 20)],
    ['sub/index.html', '<!DOCTYPE html><title>Below</title>\n'],
  ];
  for (const [file, content] of files) writeFileSync(join(directory, file), content, { mode: 0o644 });
  return directory;
}

/** What a server of these files has. */
export const files = {
  page: '/index.html',
  image: '/image.png',
  download: '/firmware.bin',
  redirect: '/sub',
} as const;
