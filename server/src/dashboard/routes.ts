import { Html, html } from 'rm-reflector/accounts';
import type { Route } from 'rm-reflector/ports';
import { brandCookieFor, domainOfCookie } from '../branding/brand/brand-cookie.ts';
import { domainOfUser } from '../branding/brand/domain-of-user.ts';
import { assetsPath as brandAssets } from '../branding/brand/read-brand.ts';
import { assetsRoute } from '../bundles/route.ts';
import type { Core } from '../part.ts';
import type { Assets } from './assets.ts';

const assetsPath = '/dashboard-assets';

/** The addresses of pages, `/` among them; the page itself decides what it shows. */
const pagePaths = ['/', '/dashboard/*', '/dashboard/*/*'];
/** Those that show a page of the host apart in a frame. */
const framePaths = ['/dashboard/terminal/*', '/dashboard/desktop/*', '/dashboard/replay/*'];

/** The page is for those who are logged in; what it is made of is no secret, and no call of anybody. */
export function dashboardRoutes(assets: Assets, core: Pick<Core, 'branding' | 'rights'>): Route[] {
  const { branding, rights } = core;
  const page = (path: string, framed: boolean): Route => ({
    access: 'user',
    methods: ['GET', 'HEAD'],
    path,
    // The reflector's list of devices.
    replaces: true,
    answer: async ({ identity, headers, origin }) => {
      const domain = await domainOfUser(rights, identity.user);
      const own = domain !== null && branding.domains.includes(domain) ? domain : null;
      const secure = origin.protocol === 'https';
      return {
        status: 200,
        type: 'text/html; charset=utf-8',
        body: shell(assets, branding, own),
        loads: ['connect', 'img', 'script', 'style'],
        framed,
        // The log-in page of this browser looks the same from now on.
        cookies: domainOfCookie(headers.cookie, secure) === own ? [] : [brandCookieFor(own, secure)],
      };
    },
  });
  return [
    // Of several that fit, the first one answers.
    ...framePaths.map((path) => page(path, true)),
    ...pagePaths.map((path) => page(path, false)),
    assetsRoute(assetsPath, assets.files),
  ];
}

function shell({ script, style, icon }: Assets, branding: Core['branding'], domain: string | null): string {
  const brand = branding.of(domain);
  const { style: brandStyle } = branding.filesOf(brand);
  const iconFile = brand.icon ? `${brandAssets}/${brand.icon.name}` : `${assetsPath}/${icon}`;
  const iconType = brand.icon?.type ?? 'image/svg+xml';
  return html`${new Html('<!DOCTYPE html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${brand.name ?? 'Devices'}</title>
<link rel="icon" type="${iconType}" href="${iconFile}">
<link rel="stylesheet" href="${assetsPath}/${style}">
${
  brandStyle === null
    ? html``
    : html`<link rel="stylesheet" href="${brandStyle}">
`
}<script type="module" src="${assetsPath}/${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p class="noscript">The dashboard needs JavaScript. Your account is at <a href="/account">/account</a>.</p></noscript>
</body>
</html>
`.markup;
}
