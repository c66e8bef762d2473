import type { IncomingHttpHeaders } from 'node:http';
import { Html, page } from 'rm-reflector/accounts';
import type { OpenRoute, Route } from 'rm-reflector/ports';
import { brandCookieFor, domainOfCookie } from './brand/brand-cookie.ts';
import type { Branding } from './brand/branding.ts';
import { pageIn } from './brand/looks.ts';
import { baseMark } from './brand/markdown.ts';
import { assetsPath, pagesPath } from './brand/read-brand.ts';

/** Seconds for which browsers keep a file: its name changes with its content. */
const keptSeconds = 31_536_000;

/** The link to give to people of a domain: from then on, their browser shows its log-in page. */
export const brandPath = '/for';

/** Images and pages of brands: for everybody, because the log-in page has them. */
export function brandRoutes(branding: Branding): Route[] {
  const assets: OpenRoute = {
    access: 'anyone',
    methods: ['GET', 'HEAD'],
    path: `${assetsPath}/*`,
    answer: ({ parameters: [name = ''] }) => {
      const asset = branding.asset(name);
      if (!asset) return { status: 404, error: 'there is no such file' };
      return { status: 200, type: asset.type, body: asset.content, maxAge: keptSeconds };
    },
  };
  return [
    assets,
    // Terminal and desktop load them from their own host: their policy allows no other.
    { ...assets, apart: true },
    {
      access: 'anyone',
      methods: ['GET', 'HEAD'],
      path: `${pagesPath}/*`,
      answer: ({ parameters: [name = ''], look, headers, origin }) => {
        const brand = branding.of(domainOfCookie(headers.cookie, origin.protocol === 'https'));
        const text = pageIn(brand, name, look.language);
        if (!text || text.title === '') return { status: 404, error: 'There is no such page' };
        return {
          status: 200,
          type: 'text/html; charset=utf-8',
          body: page(text.title, new Html(text.markup.replaceAll(baseMark, '')), look),
        };
      },
    },
    {
      access: 'anyone',
      methods: ['GET', 'HEAD'],
      path: `${brandPath}/*`,
      answer: ({ parameters: [domain = ''], origin, headers }) => ({
        status: 303,
        headers: { Location: '/' },
        cookies: isOpenedByPerson(headers)
          ? [brandCookieFor(branding.domains.includes(domain) ? domain : null, origin.protocol === 'https')]
          : [],
      }),
    },
  ];
}

/** Not by an image, a frame or a script, and not from a page of a device, which is the same site for browsers. */
function isOpenedByPerson(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'none' || site === 'same-origin') return true;
  const isPage = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return site === 'cross-site' && isPage;
}
