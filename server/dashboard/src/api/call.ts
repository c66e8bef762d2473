import { Problem, Unreachable } from './problem.ts';

const base = '/my-devices/api';

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;
  readonly body?: unknown;
  /** Version that was read, for `If-Match`; `*`: whatever it is now. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

export interface Answer<Body> {
  readonly body: Body;
  /** `ETag`, for `ifMatch`. */
  readonly version: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** `null`: this is the last one. */
  readonly next: string | null;
}

/** Calls when the server no longer knows who this is. */
let loggedOut = () => {};
export function onLoggedOut(listener: () => void): void {
  loggedOut = listener;
}

/** In which language the server says what only it can say; `null`: as the browser asks for. */
let answerLanguage: string | null = null;
export function askInLanguage(language: string): void {
  answerLanguage = language;
}

/** The address of a call, with what is given of its query. */
export function addressOf(path: string, query: NonNullable<CallOptions['query']> = {}): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) fields.append(name, one);
    else if (value !== undefined && value !== null && value !== '') fields.append(name, String(value));
  }
  const text = String(fields);
  return `${base}${path}${text && `?${text}`}`;
}

/** One segment of a path. */
export const segment = encodeURIComponent;

async function ask(method: string, path: string, options: CallOptions): Promise<Response> {
  const { query, body, ifMatch, signal } = options;
  return fetch(addressOf(path, query), {
    method,
    credentials: 'same-origin',
    redirect: 'error',
    headers: {
      Accept: 'application/json',
      ...(answerLanguage === null ? {} : { 'Accept-Language': answerLanguage }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    throw error instanceof DOMException && error.name === 'AbortError' ? error : new Unreachable();
  });
}

/** Rejects where it is none of the server, or a refusal. */
async function valueIn(response: Response): Promise<unknown> {
  const text = await response.text();
  let value: unknown;
  try {
    value = text === '' ? undefined : JSON.parse(text);
  } catch {
    // Of a proxy in between.
    throw new Unreachable();
  }
  if (response.status === 401) loggedOut();
  // Of a proxy in between, unless the server itself says what it could not reach.
  const isProxys = response.status === 502 || response.status === 504;
  if (isProxys && !/^application\/problem\+json\b/.test(response.headers.get('Content-Type') ?? '')) {
    throw new Unreachable();
  }
  if (!response.ok) throw new Problem(response.status, value, response.headers.get('Retry-After'));
  return value;
}

/** Calls the API. Rejects with `Problem` and `Unreachable`, and with an `AbortError` after `signal`. */
export async function call<Body>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer<Body>> {
  const response = await ask(method, path, options);
  const value = await valueIn(response);
  return { body: value as Body, version: response.headers.get('ETag') ?? '*' };
}

export const get = async <Body>(path: string, query?: CallOptions['query'], signal?: AbortSignal) =>
  (await call<Body>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) })).body;

/** What is no JSON. Rejects as {@link call} does. */
export async function getBytes(path: string): Promise<ArrayBuffer> {
  const response = await ask('GET', path, {});
  if (!response.ok) await valueIn(response);
  return response.arrayBuffer().catch(() => {
    throw new Unreachable();
  });
}

export const post = async <Body = void>(path: string, body?: unknown) =>
  (await call<Body>('POST', path, body === undefined ? {} : { body })).body;

export const put = async <Body = void>(path: string, body?: unknown) =>
  (await call<Body>('PUT', path, body === undefined ? {} : { body })).body;

export const patch = async <Body>(path: string, body: unknown, ifMatch = '*') =>
  (await call<Body>('PATCH', path, { body, ifMatch })).body;

export const remove = async (path: string, ifMatch?: string) => {
  await call('DELETE', path, ifMatch === undefined ? {} : { ifMatch });
};

/** All of a list that is short by nature, at most `most` items. */
export async function all<Item>(
  path: string,
  query: NonNullable<CallOptions['query']> = {},
  most = 1_000,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await get<Page<Item>>(path, { ...query, limit: 200, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && items.length < most);
  return items;
}
