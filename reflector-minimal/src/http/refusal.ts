import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { isBrowser } from './browser.ts';
import { html, page, securityHeaders } from './html.ts';

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
}

function wantsHtml(request: IncomingMessage): boolean {
  return /text\/html/i.test(request.headers.accept ?? '');
}

/**
 * Sends the refusal as a page, or as one line of text to a program; or as `content`. The response must not have begun.
 */
export function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  content = contentOf(request, refusal),
): void {
  const { status, error, headers = {} } = refusal;
  for (const [name, value] of Object.entries({ ...securityHeaders, ...headers }))
    response.setHeader(name, value);
  // With Basic, a browser would ask for a password, remember it, and send it along with requests of any page. It ignores
  // other schemes.
  if (status === 401 && response.hasHeader('WWW-Authenticate') && isBrowser(request)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="Reflector"');
  }
  response.setHeader('Content-Type', content.type);
  response.setHeader('Content-Length', Buffer.byteLength(content.body));
  response.setHeader('X-PTTH-Error', headerText(error));
  // The reason of an earlier head that could not be written must not stay.
  response.writeHead(status, STATUS_CODES[status] ?? '');
  response.end(content.body);
}

function contentOf(
  request: IncomingMessage,
  refusal: Refusal,
): { readonly type: string; readonly body: string } {
  const { status, error, advice = '', link } = refusal;
  if (!wantsHtml(request)) return { type: 'text/plain; charset=utf-8', body: `${error}\n` };
  const body = page(
    error,
    html`<h1>${error}</h1>
<p>${link === undefined ? advice : html`<a href="${link}">${advice}</a>`}</p>
<p class="status">${status} ${STATUS_CODES[status] ?? ''}</p>`,
  );
  return { type: 'text/html; charset=utf-8', body };
}

/** Text that may stand in a header: ASCII, without control characters. */
export function headerText(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[^\x20-\x7e]/g, '?');
}
