import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Html } from './html.ts';
import type { TrustedProxies } from './origin.ts';

/** A style sheet within a page, with the expression by which a policy allows it (CSP Level 3 section 2.3.1). */
export interface StyleSheet {
  readonly markup: Html;
  readonly hash: string;
}

/** `css` must not hold `</style`. */
export function styleSheet(css: string): StyleSheet {
  return { markup: new Html(css), hash: `'sha256-${createHash('sha256').update(css).digest('base64')}'` };
}

export type Values = Readonly<Record<string, string | number>>;

/** How the pages of the reflector look to one reader: what a brand may say and show. */
export interface Look {
  /** Of the texts, BCP 47. */
  readonly language: string;
  /** Of the installation, for the titles of pages; `null`: none. */
  readonly name: string | null;
  /** Other colours than those of {@link page}; `null`: none. */
  readonly style: StyleSheet | null;
  /** Where its images come from, as an expression of a policy; `null`: there are none. */
  readonly images: string | null;
  /** Its icon, within the head of a page. */
  readonly icon: Html;
  /** Above and below each page. */
  readonly header: Html;
  readonly footer: Html;
  /** On the log-in page, below the form. */
  readonly logInNote: Html;
  /** The text of this key with these values; `null`: as the reflector says it. */
  say(key: string, values?: Values): string | null;
}

/** For whom a page is. */
export interface Reader {
  readonly headers: IncomingHttpHeaders;
  /** Whether the browser has TLS, to here or to a trusted proxy. */
  readonly secure: boolean;
}

/** Knows how pages look to whom. Asked for each page, so it must be quick; it must not throw. */
export interface Looks {
  /** `domain`: of the device whose page it is, where the reader may see the device; `null`: not about a device. */
  of(reader: Reader, domain: string | null): Look;
}

const nothing = new Html('');

/** Of the reflector itself: English. */
export const plainLook: Look = {
  language: 'en',
  name: null,
  style: null,
  images: null,
  icon: nothing,
  header: nothing,
  footer: nothing,
  logInNote: nothing,
  say: () => null,
};

/** How the answer to a request looks; `domain` as for {@link Looks}. */
export type LookOfRequest = (request: IncomingMessage, domain: string | null) => Look;

/** Looks by what is known of a request: of its headers, only those of these proxies are believed. */
export function looksBehind(looks: Looks, proxies: TrustedProxies): LookOfRequest {
  return (request, domain) =>
    looks.of({ headers: request.headers, secure: proxies.originOf(request).protocol === 'https' }, domain);
}

const ofConnections = new WeakMap<Duplex, LookOfRequest>();

/** What arrives by this connection is answered with these looks. */
export function setLooks(connection: Duplex, look: LookOfRequest): void {
  ofConnections.set(connection, look);
}

export function lookOf(request: IncomingMessage, domain: string | null = null): Look {
  return ofConnections.get(request.socket)?.(request, domain) ?? plainLook;
}

/** Says a text by its key, filled in with values; `english`: where the look has none. */
export type Wording = (key: string, english: string, values?: Values) => string;

/** Says a text of the reflector as the look has it, or else in English. `{name}` stands for a value. */
export function wording(look: Look): Wording {
  return (key, english, values = {}) => look.say(key, values) ?? fillIn(english, values);
}

export function fillIn(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
