import type { Call, Route } from 'rm-reflector/ports';
import type { Assets } from './assets.ts';

const assetsPath = '/dashboard-assets';
/** Seconds for which browsers keep a file: its name changes with its content. */
const keptSeconds = 31_536_000;

/** The addresses of pages, `/` among them; the page itself decides what it shows. */
const pagePaths = ['/', '/dashboard/*', '/dashboard/*/*'];

/** The page is for those who are logged in; what it is made of is no secret, and no call of anybody. */
export function dashboardRoutes(assets: Assets): Route[] {
  const body = shell(assets);
  return [
    ...pagePaths.map(
      (path): Route => ({
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
        }),
      }),
    ),
    {
      access: 'anyone',
      methods: ['GET', 'HEAD'],
      path: `${assetsPath}/*`,
      answer: (call) => {
        const file = assets.files.get(call.parameters[0] ?? '');
        if (!file) return { status: 404, error: 'there is no such file' };
        const { type, content, gzip } = file;
        const packed = takesGzip(call);
        return {
          status: 200,
          type,
          body: packed ? gzip : content,
          headers: { Vary: 'Accept-Encoding', ...(packed ? { 'Content-Encoding': 'gzip' } : {}) },
          maxAge: keptSeconds,
        };
      },
    },
  ];
}

/** RFC 9110 section 12.5.3, as far as browsers use it: without a weight of zero. */
function takesGzip({ headers }: Call): boolean {
  return /(^|,)\s*gzip\s*(;\s*q=(1|0\.\d*[1-9])[^,]*)?(,|$)/i.test(String(headers['accept-encoding'] ?? ''));
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
