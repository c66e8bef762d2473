import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { isBrowser } from './browser.ts';
import { html } from './html.ts';
import { type Look, lookOf, type Values, wording } from './look.ts';
import { contentPolicy, page, securityHeaders } from './page.ts';

/** A response of the reflector in place of the one that was asked for. */
export interface Refusal {
  readonly status: number;
  /** One sentence for the person: what happened. Programs find it in `X-PTTH-Error`. */
  readonly error: string;
  /** What the person may do about it. */
  readonly advice?: string;
  /** Where the person may go on. */
  readonly link?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Names it where a page says it in other words or another language: `refusal.KEY`, and `refusal.KEY.advice`. */
  readonly key?: string;
  /** For these texts. */
  readonly values?: Values;
}

function wantsHtml(request: IncomingMessage): boolean {
  return /text\/html/i.test(request.headers.accept ?? '');
}

/** A refusal in the form in which it is sent. */
export interface RefusalContent {
  readonly type: string;
  readonly body: string;
  /** Of a page that loads something; by default it loads nothing. */
  readonly policy?: string;
}

/**
 * Sends the refusal as a page, or as one line of text to a program; or as `content`. `domain`: of the device that it is about,
 * where the user may see it. The response must not have begun.
 */
export function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  {
    content,
    domain = null,
  }: { readonly content?: RefusalContent | undefined; readonly domain?: string | null } = {},
): void {
  const { status, error, headers = {} } = refusal;
  for (const [name, value] of Object.entries({ ...securityHeaders, ...headers }))
    response.setHeader(name, value);
  // With Basic, a browser would ask for a password, remember it, and send it along with requests of any page. It ignores
  // other schemes.
  if (status === 401 && response.hasHeader('WWW-Authenticate') && isBrowser(request)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="Reflector"');
  }
  const { type, body, policy } = content ?? contentOf(request, refusal, domain);
  if (policy !== undefined) response.setHeader('Content-Security-Policy', policy);
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.setHeader('X-PTTH-Error', headerText(error));
  // The reason of an earlier head that could not be written must not stay.
  response.writeHead(status, STATUS_CODES[status] ?? '');
  response.end(body);
}

function contentOf(request: IncomingMessage, refusal: Refusal, domain: string | null): RefusalContent {
  if (!wantsHtml(request)) return { type: 'text/plain; charset=utf-8', body: `${refusal.error}\n` };
  const { status, link, key, values } = refusal;
  const look = lookOf(request, domain);
  const said = wording(look);
  const error = errorIn(look, refusal);
  const english = refusal.advice ?? '';
  const advice = key === undefined ? english : said(`refusal.${key}.advice`, english, values);
  const body = page(
    error,
    html`<h1>${error}</h1>
<p>${link === undefined ? advice : html`<a href="${link}">${advice}</a>`}</p>
<p class="status">${status} ${STATUS_CODES[status] ?? ''}</p>`,
    look,
  );
  return { type: 'text/html; charset=utf-8', body, policy: contentPolicy([], [], {}, look) };
}

/** What has happened, as the look says it. */
export function errorIn(look: Look, { key, error, values }: Refusal): string {
  return key === undefined ? error : wording(look)(`refusal.${key}`, error, values);
}

/** Text that may stand in a header: ASCII, without control characters. */
export function headerText(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[^\x20-\x7e]/g, '?');
}
