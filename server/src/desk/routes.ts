import { Html, html } from 'rm-reflector/accounts';
import type { Route, Source } from 'rm-reflector/ports';
import type { Branding } from '../branding/brand/branding.ts';
import type { Bundle } from '../bundles/files.ts';
import { assetsRoute } from '../bundles/route.ts';

/** `assets.json` of `toolchain/desk.mjs`: the script and the style sheet of each page. */
export interface DeskList {
  readonly pages: Readonly<Record<string, { readonly script: string; readonly style: string }>>;
  readonly files: readonly string[];
}

const assetsPath = '/assets';

/** Browsers hide from pages what they do not need: a terminal has no use for a camera. */
const permissions = 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()';

/** A desktop also draws images that it makes: the cursor of the device, and parts of its picture. */
const loads: readonly Source[] = ['connect', 'img', 'script', 'style'];

/**
 * `desk.DOMAIN/PAGE`: for everybody, because this host knows no users. A page alone can do nothing: the dashboard, whose pages
 * are the only ones that may show it, gives it tickets and whatever else it needs.
 */
export function deskRoutes({ list, files }: Bundle<DeskList>, branding: Branding): Route[] {
  const pages = Object.entries(list.pages).map(
    ([name, parts]): Route => ({
      access: 'anyone',
      apart: true,
      methods: ['GET', 'HEAD'],
      path: `/${name}`,
      answer: () => ({
        status: 200,
        type: 'text/html; charset=utf-8',
        body: shell(parts, branding),
        headers: { 'Permissions-Policy': permissions },
        loads: name === 'desktop' ? [...loads, 'data-img'] : loads,
        framed: true,
      }),
    }),
  );
  return [...pages, { ...assetsRoute(assetsPath, files), apart: true }];
}

/** With the brand of the installation: until the dashboard says so, nobody knows of whom the page is. */
function shell({ script, style }: DeskList['pages'][string], branding: Branding): string {
  const brand = branding.of(null);
  const { style: brandStyle } = branding.filesOf(brand);
  return html`${new Html('<!DOCTYPE html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${brand.name ?? 'Remote access'}</title>
<link rel="stylesheet" href="${assetsPath}/${style}">
${
  brandStyle === null
    ? html``
    : html`<link rel="stylesheet" href="${brandStyle}" data-brand>
`
}<script type="module" src="${assetsPath}/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p>This page needs JavaScript.</p></noscript>
</body>
</html>
`.markup;
}
