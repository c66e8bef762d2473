import { createHash } from 'node:crypto';
import { ConfigurationError } from 'rm-reflector/program';

/** A file of a brand that browsers load, by a name that changes with its content. */
export interface BrandAsset {
  readonly name: string;
  readonly type: string;
  readonly content: Buffer;
}

export function brandAsset(content: Buffer, ending: string, type: string): BrandAsset {
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 16);
  return { name: `${digest}.${ending}`, type, content };
}

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * An image as it may be served. Browsers run nothing in an `<img>`, and the policy of the answer forbids it where somebody opens
 * the file itself; what would not work for these reasons is told here. `where`: for messages. Throws `ConfigurationError`.
 */
export function brandImage(content: Buffer, where: string): BrandAsset {
  if (where.endsWith('.png')) {
    if (!content.subarray(0, png.length).equals(png))
      throw new ConfigurationError(`${where}: is not a PNG image`);
    return brandAsset(content, 'png', 'image/png');
  }
  const text = content.toString('utf8');
  const fault = faultOfSvg(text);
  if (fault !== null) throw new ConfigurationError(`${where}: ${fault}`);
  return brandAsset(content, 'svg', 'image/svg+xml');
}

function faultOfSvg(text: string): string | null {
  const start = text
    .replace(/^\uFEFF/, '')
    .replace(/^\s*<\?xml[^>]*\?>/, '')
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .trimStart();
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) return 'must have no document type: remove <!DOCTYPE …>';
  if (!/^<svg[\s>]/.test(start)) return 'is not an SVG image';
  if (!/\sxmlns\s*=\s*["']http:\/\/www\.w3\.org\/2000\/svg["']/.test(start)) {
    return 'is not shown by browsers: xmlns="http://www.w3.org/2000/svg" is missing';
  }
  const element = /<(?:[\w-]+:)?(script|foreignObject|iframe|embed|object|audio|video|handler)\b/i.exec(
    start,
  );
  if (element) return `must have no <${element[1]}>`;
  const handler = /\s(on[a-z]+)\s*=/i.exec(start);
  if (handler) return `must have no ${handler[1]}`;
  // The namespace is no link.
  const link = /(?:href|src)\s*=\s*["']\s*([^"'#\s][^"']*)["']/i.exec(start)?.[1] ?? '';
  if (link !== '' && !/^data:image\/(png|jpeg);base64,/i.test(link))
    return `must load nothing: ${link.slice(0, 60)}`;
  const loaded = /url\(\s*["']?\s*([^"'#\s)][^"')]*)|@import\s+([^;]+)/i.exec(start);
  if (loaded) return `must load nothing: ${(loaded[1] ?? loaded[2] ?? '').slice(0, 60)}`;
  return null;
}
