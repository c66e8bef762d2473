/** What is kept: what the pages of a device are made of, and never what they say. */
export type Kind = 'image' | 'style' | 'script' | 'font';

const types: Readonly<Record<string, Kind>> = {
  'text/css': 'style',
  'text/javascript': 'script',
  'application/javascript': 'script',
  'application/x-javascript': 'script',
  'text/ecmascript': 'script',
  'application/ecmascript': 'script',
  'application/font-woff': 'font',
  'application/font-woff2': 'font',
  'application/x-font-woff': 'font',
  'application/x-font-ttf': 'font',
  'application/vnd.ms-fontobject': 'font',
};
const kindsByType = new Map(Object.entries(types));
const destinations: ReadonlySet<string> = new Set<Kind>(['image', 'style', 'script', 'font']);

/** By a `Content-Type`; `null`: what is not kept. */
export function kindOfType(contentType: string): Kind | null {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (/^image\/[a-z0-9.+-]+$/.test(type)) return 'image';
  if (/^font\/[a-z0-9.+-]+$/.test(type)) return 'font';
  return kindsByType.get(type) ?? null;
}

/** By a `Sec-Fetch-Dest` (Fetch Metadata Request Headers, section 2.1); `null`: what is not kept, such as `document` or `empty`. */
export function kindOfDestination(destination: string): Kind | null {
  return isKind(destination) ? destination : null;
}

function isKind(text: string): text is Kind {
  return destinations.has(text);
}
