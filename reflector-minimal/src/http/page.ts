import { type Html, html } from './html.ts';
import { type Look, plainLook, styleSheet } from './look.ts';

/** The colours have the names and values of those of the dashboard of `rm-server`, so that a brand replaces both. */
const style = styleSheet(`
:root { color-scheme: light dark; --color-page: #f5f6f8; --color-surface: #ffffff; --color-sunken: #eef0f3;
  --color-line: #dce1e7; --color-line-strong: #8a96a3; --color-text: #17202b; --color-muted: #55616f; --color-accent: #0b5cad;
  --color-accent-hover: #084a8c; --color-on-accent: #ffffff; --color-good: #17702f; --color-warn: #8f4a00; --color-focus: #1f7ae0; }
@media (prefers-color-scheme: dark) { :root { --color-page: #10151b; --color-surface: #171d25; --color-sunken: #0c1116;
  --color-line: #2a3440; --color-line-strong: #5d6b7a; --color-text: #e3e8ee; --color-muted: #9caab8; --color-accent: #6db3f8;
  --color-accent-hover: #8dc4fa; --color-on-accent: #0a1a2a; --color-good: #56c775; --color-warn: #e8ad55; --color-focus: #7fbcff; } }
html { background: var(--color-page); color: var(--color-text); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; font-weight: 600; } h2 { font-size: 1.2rem; font-weight: 600; }
p.status { color: var(--color-muted); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--color-line); vertical-align: top; }
th { font-weight: 600; }
.on { color: var(--color-good); } .warning { color: var(--color-warn); } .quiet { color: var(--color-muted); }
code { font-size: .9em; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; justify-content: space-between; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
form.inline { display: inline; } form.narrow { max-width: 22rem; }
label { display: block; font-weight: 600; margin-top: 1rem; }
input { font: inherit; width: 100%; box-sizing: border-box; margin-top: .25rem; padding: .625rem .75rem;
  border: 1px solid var(--color-line-strong); border-radius: .5rem; background: var(--color-surface); color: var(--color-text); }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .25rem 1rem; border: 1px solid var(--color-line-strong);
  border-radius: .5rem; background: var(--color-surface); color: var(--color-text); cursor: pointer; }
button.main { width: 100%; margin-top: 1.5rem; border-color: transparent; background: var(--color-accent);
  color: var(--color-on-accent); }
button.main:hover { background: var(--color-accent-hover); }
a { color: var(--color-accent); } a:hover { color: var(--color-accent-hover); }
:focus-visible { outline: 3px solid var(--color-focus); outline-offset: 2px; }
.card { max-width: 22rem; margin: 10vh auto 0; padding: 2rem; border: 1px solid var(--color-line); border-radius: 1rem;
  background: var(--color-surface); }
.card h1 { margin-top: 0; }
.alert { padding: .75rem 1rem; border-left: 4px solid var(--color-warn); background: var(--color-sunken); }
.scroll { overflow-x: auto; }
.masthead { align-items: center; } .masthead img { display: block; max-width: 16rem; height: 2.5rem; }
.masthead a { color: inherit; } .masthead > a { font-weight: 600; text-decoration: none; }
.colophon { margin-top: 3rem; color: var(--color-muted); font-size: .9rem; }
main img { max-width: 100%; height: auto; }
@media (max-width: 30rem) {
  body { margin: 1rem auto; padding: 0 1rem; } .card { margin-top: 1rem; padding: 1rem; }
}
`);

/** A complete page of the reflector's own: no script, and nothing from anywhere else. */
export function page(title: string, body: Html, look: Look = plainLook): string {
  const { language, name, icon, header, footer } = look;
  return html`<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name === null ? title : `${title} – ${name}`}</title>${icon}
<style>${style.markup}</style>${look.style === null ? html`` : html`<style>${look.style.markup}</style>`}
</head>
<body>
${header}<main>
${body}
</main>
${footer}</body>
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
 * comes from anywhere else, but for the images of its `look`; with `data-img` beside `img` images may be in `data:` addresses. `frames`:
 * origins that it shows in frames, and those that may show it so. Throws when one is no origin.
 */
export function contentPolicy(
  formTargets: readonly string[] = [],
  loads: readonly string[] = [],
  frames: Frames = {},
  look: Look = plainLook,
): string {
  const origins = [...formTargets, ...Object.values(frames)];
  const wrong = origins.find((target) => !/^https?:\/\/[\w.*:[\]-]+$/.test(target));
  if (wrong !== undefined) throw new Error(`${wrong}: not an origin`);
  const own = loads.includes('style') ? ["'self'"] : [];
  const styles = [...own, style.hash, ...(look.style === null ? [] : [look.style.hash])].join(' ');
  const kinds = loads.includes('img') || look.images === null ? loads : [...loads, 'img'];
  const sources = kinds
    .filter((kind) => kind !== 'style' && kind !== 'data-img')
    .map((kind) => {
      const from = new Set(loads.includes(kind) ? ["'self'"] : []);
      if (kind === 'img' && look.images !== null) from.add(look.images);
      if (kind === 'img' && loads.includes('data-img')) from.add('data:');
      return ` ${kind}-src ${[...from].join(' ')};`;
    });
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
