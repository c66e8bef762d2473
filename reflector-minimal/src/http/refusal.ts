import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { isBrowser } from './browser.ts';
import { html, page, securityHeaders } from './html.ts';

/** An answer of the reflector in place of the device's. */
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

/** Sends the refusal as a page, or as one line of text to a program. The response must not have begun. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const { status, error, advice = '', link, headers = {} } = refusal;
  const asHtml = wantsHtml(request);
  const body = asHtml
    ? page(
        error,
        html`<h1>${error}</h1>
<p>${link === undefined ? advice : html`<a href="${link}">${advice}</a>`}</p>
<p class="status">${status} ${STATUS_CODES[status] ?? ''}</p>`,
      )
    : `${error}\n`;
  for (const [name, value] of Object.entries({ ...securityHeaders, ...headers }))
    response.setHeader(name, value);
  // A browser would ask for a password, remember it, and send it with whatever a page of anybody has it send. It acts on
  // no other scheme.
  if (status === 401 && isBrowser(request)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="Reflector"');
  }
  response.setHeader('Content-Type', `text/${asHtml ? 'html' : 'plain'}; charset=utf-8`);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.setHeader('X-PTTH-Error', headerText(error));
  // Not the reason of a head that could not be written.
  response.writeHead(status, STATUS_CODES[status] ?? '');
  response.end(body);
}

/** Text that may stand in a header: ASCII, without control characters. */
export function headerText(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[^\x20-\x7e]/g, '?');
}
