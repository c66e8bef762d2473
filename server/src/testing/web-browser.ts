import { request } from 'node:http';

export interface PlainAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly setCookies: readonly string[];
  readonly text: string;
}

/** One request on a connection of its own: servers come and go in tests. With a form, a POST. */
export function askPlainly(
  target: URL,
  form: Record<string, string> | null,
  headers: Record<string, string> = {},
): Promise<PlainAnswer> {
  const body = form === null ? '' : new URLSearchParams(form).toString();
  const type = form === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const options = { method: form ? 'POST' : 'GET', agent: false, headers: { ...headers, ...type } };
    const sent = request(target, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () => {
        const { location, 'set-cookie': setCookies = [] } = response.headers;
        resolve({ status: response.statusCode ?? 0, location, setCookies, text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Follows links and sends forms as a browser does, with cookies by host and port. */
export class WebBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();
  url = new URL('about:blank');
  status = 0;
  text = '';
  /** Addresses of the last navigation, in their order. */
  readonly visited: string[] = [];

  cookies(origin: string): Map<string, string> {
    const cookies = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, cookies);
    return cookies;
  }

  /** Follows redirects. `until`: an address that is not gone to any more. */
  async go(address: string | URL, form: Record<string, string> | null = null, until?: RegExp): Promise<this> {
    this.visited.length = 0;
    let target = new URL(address);
    let body = form;
    for (let step = 0; step < 20; step++) {
      this.visited.push(target.href);
      if (until?.test(target.href)) return this;
      const answer = await this.#ask(target, body);
      this.url = target;
      this.status = answer.status;
      this.text = answer.text;
      const { location } = answer;
      if (location === undefined) return this;
      target = new URL(location, target);
      body = null;
    }
    throw new Error('too many redirects');
  }

  /** Sends the form of the page, with its hidden fields. */
  submit(fields: Record<string, string> = {}): Promise<this> {
    const form = /<form[^>]*>/.exec(this.text)?.[0] ?? '';
    const action = /action="([^"]*)"/.exec(form)?.[1] ?? '';
    const hidden = [...this.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const values = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
    return this.go(new URL(action.replaceAll('&amp;', '&'), this.url), { ...values, ...fields });
  }

  async #ask(target: URL, form: Record<string, string> | null): Promise<PlainAnswer> {
    const cookies = this.cookies(target.origin);
    const answer = await askPlainly(target, form, {
      Accept: 'text/html',
      Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(form ? { Origin: target.origin } : {}),
    });
    for (const line of answer.setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }
}
