import type { Route, Source } from 'rm-reflector/ports';
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
export function deskRoutes({ list, files }: Bundle<DeskList>): Route[] {
  const pages = Object.entries(list.pages).map(([name, parts]): Route => {
    const body = shell(parts);
    return {
      access: 'anyone',
      apart: true,
      methods: ['GET', 'HEAD'],
      path: `/${name}`,
      answer: () => ({
        status: 200,
        type: 'text/html; charset=utf-8',
        body,
        headers: { 'Permissions-Policy': permissions },
        loads: name === 'desktop' ? [...loads, 'data-img'] : loads,
        framed: true,
      }),
    };
  });
  return [...pages, { ...assetsRoute(assetsPath, files), apart: true }];
}

function shell({ script, style }: DeskList['pages'][string]): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Remote access</title>
<link rel="stylesheet" href="${assetsPath}/${style}">
<script type="module" src="${assetsPath}/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p>This page needs JavaScript.</p></noscript>
</body>
</html>
`;
}
