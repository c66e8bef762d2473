import type { Route } from 'rm-reflector/ports';
import { assetsRoute } from '../bundles/route.ts';
import type { Assets } from './assets.ts';

const assetsPath = '/dashboard-assets';

/** The addresses of pages, `/` among them; the page itself decides what it shows. */
const pagePaths = ['/', '/dashboard/*', '/dashboard/*/*'];
/** Those that show a page of the host apart in a frame. */
const framePaths = ['/dashboard/terminal/*', '/dashboard/desktop/*'];

/** The page is for those who are logged in; what it is made of is no secret, and no call of anybody. */
export function dashboardRoutes(assets: Assets): Route[] {
  const body = shell(assets);
  const page = (path: string, framed: boolean): Route => ({
    access: 'user',
    methods: ['GET', 'HEAD'],
    path,
    // The reflector's list of devices.
    replaces: true,
    answer: () => ({
      status: 200,
      type: 'text/html; charset=utf-8',
      body,
      loads: ['connect', 'img', 'script', 'style'],
      framed,
    }),
  });
  return [
    // Of several that fit, the first one answers.
    ...framePaths.map((path) => page(path, true)),
    ...pagePaths.map((path) => page(path, false)),
    assetsRoute(assetsPath, assets.files),
  ];
}

function shell({ script, style, icon }: Assets): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Devices</title>
<link rel="icon" type="image/svg+xml" href="${assetsPath}/${icon}">
<link rel="stylesheet" href="${assetsPath}/${style}">
<script type="module" src="${assetsPath}/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p class="noscript">The dashboard needs JavaScript. Your account is at <a href="/account">/account</a>.</p></noscript>
</body>
</html>
`;
}
