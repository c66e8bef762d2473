import { expect } from 'vitest';
import { type Answer, ask } from './ask.ts';

/** What browsers send when a person opens a page. */
export const page = { Accept: 'text/html,*/*', 'User-Agent': 'Mozilla/5.0' };

/** A browser that keeps cookies by host. */
export class CookieBrowser {
  readonly #port: number;
  readonly cookies: Map<string, Map<string, string>>;

  /** `cookies`: those of another one, which reaches the same hosts at another port. */
  constructor(port: number, cookies = new Map<string, Map<string, string>>()) {
    this.#port = port;
    this.cookies = cookies;
  }

  get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask(url, { headers });
  }

  async ask(
    url: string,
    { headers = {}, ...options }: { headers?: Record<string, string>; method?: string; body?: string } = {},
  ): Promise<Answer> {
    const { hostname, pathname, search } = new URL(url);
    const jar = this.cookies.get(hostname) ?? new Map<string, string>();
    this.cookies.set(hostname, jar);
    const Cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(this.#port, `${pathname}${search}`, {
      ...options,
      host: hostname,
      headers: { ...page, Authorization: [], ...(Cookie && { Cookie }), ...headers },
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name.startsWith('rm-')) expect(line).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
      if (/; Max-Age=0/.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  put(host: string, cookie: string): void {
    const [name = '', value = ''] = cookie.split('=');
    this.cookies.set(host, new Map(this.cookies.get(host)).set(name, value));
  }
}
