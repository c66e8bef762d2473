import { createHash } from 'node:crypto';

/** Markup that is safe to put into a page. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

type Part = string | number | Html | readonly Html[];

/** A template whose values are escaped, unless they are {@link Html} already. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  const render = (part: Part): string => {
    if (part instanceof Html) return part.markup;
    if (Array.isArray(part)) return part.map(render).join('');
    return escapeText(String(part));
  };
  return new Html(strings.reduce((text, string, i) => text + render(parts[i - 1] ?? '') + string));
}

const style = new Html(`
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #b35900; --quiet: #666; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; font-weight: 600; } h2 { font-size: 1.2rem; font-weight: 600; }
p.status { color: var(--quiet); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
.on { color: var(--good); } .warning { color: var(--bad); } .quiet { color: var(--quiet); }
code { font-size: .9em; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; justify-content: space-between; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
form.inline { display: inline; } form.narrow { max-width: 22rem; }
label { display: block; font-weight: 600; margin-top: 1rem; }
input { font: inherit; width: 100%; box-sizing: border-box; margin-top: .25rem; padding: .625rem .75rem;
  border: 1px solid #888; border-radius: .5rem; background: Field; color: FieldText; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .25rem 1rem; border: 1px solid #888;
  border-radius: .5rem; background: transparent; color: inherit; cursor: pointer; }
button.main { width: 100%; margin-top: 1.5rem; border-color: transparent; background: #0b5cad; color: #fff; }
a { color: #0b5cad; }
:focus-visible { outline: 3px solid #4d9de0; outline-offset: 2px; }
.card { max-width: 22rem; margin: 10vh auto 0; padding: 2rem; border: 1px solid var(--line); border-radius: 1rem; }
.card h1 { margin-top: 0; }
.alert { padding: .75rem 1rem; border-left: 4px solid var(--bad); background: #8881; }
.scroll { overflow-x: auto; }
@media (max-width: 30rem) {
  body { margin: 1rem auto; padding: 0 1rem; } .card { margin-top: 1rem; padding: 0; border: 0; }
}
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #e0a34a; --quiet: #a0a0a0; } a { color: #79b8ff; } }
`);

/** Pages take no other style than this one (CSP Level 3 section 2.3.1). */
const styleHash = `sha256-${createHash('sha256').update(style.markup).digest('base64')}`;

/** A complete page of the reflector's own: no script, nothing from anywhere else. */
export function page(title: string, body: Html): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`.markup;
}

/** The origin whose pages a page shows in frames, and that whose pages may show it. */
export interface Frames {
  readonly shows?: string;
  readonly shownBy?: string;
}

/**
 * The policy of a page. Its forms go to this host, and may be sent on from there to `formTargets`: browsers hold
 * `form-action` against redirects too. `loads`: kinds of sources (`script`, `img` …) that it loads from this host; nothing
 * comes from anywhere else, but with `data-img` beside `img` images may be in `data:` addresses. `frames`: origins that it shows
 * in frames, and those that may show it so. Throws when one is no origin.
 */
export function contentPolicy(
  formTargets: readonly string[] = [],
  loads: readonly string[] = [],
  frames: Frames = {},
): string {
  const origins = [...formTargets, ...Object.values(frames)];
  const wrong = origins.find((target) => !/^https?:\/\/[\w.*:[\]-]+$/.test(target));
  if (wrong !== undefined) throw new Error(`${wrong}: not an origin`);
  const styles = loads.includes('style') ? `'self' '${styleHash}'` : `'${styleHash}'`;
  const made = loads.includes('data-img') ? ' data:' : '';
  const sources = loads
    .filter((kind) => kind !== 'style' && kind !== 'data-img')
    .map((kind) => ` ${kind}-src 'self'${kind === 'img' ? made : ''};`);
  const forms = ["'self'", ...formTargets].join(' ');
  if (frames.shows !== undefined) sources.push(` frame-src ${frames.shows};`);
  const ancestors = frames.shownBy ?? "'none'";
  return `default-src 'none';${sources.join('')} style-src ${styles}; frame-ancestors ${ancestors}; base-uri 'none'; form-action ${forms}`;
}

/** For every page and answer of the reflector itself; never for what comes from a device. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': contentPolicy(),
  // With "no-referrer" a browser would hide the origin of our own forms too.
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};
