import { Agent, request } from 'node:http';

export interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** As much of a browser as a session needs: cookies of each host, redirects, the log-in form. Plain HTTP. */
export class Browser {
  readonly #port: number;
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Follows redirects, and logs in where it is asked to. */
  async visit(host: string, path: string, user: { name: string; password: string }): Promise<Page> {
    let url = new URL(`http://${host}:${this.#port}${path}`);
    for (let hop = 0; hop < 8; hop++) {
      let page = await this.get(url.hostname, url.pathname + url.search);
      if (page.status === 200 && url.pathname === '/log-in') {
        const form = { ...user, next: url.searchParams.get('next') ?? '/' };
        page = await this.#ask(url.hostname, '/log-in', new URLSearchParams(form).toString());
      }
      if (page.location === undefined) return page;
      url = new URL(page.location, url);
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  get(host: string, path: string): Promise<Page> {
    return this.#ask(host, path, null);
  }

  /** The value of `Cookie` for this host. */
  cookies(host: string): string {
    return [...(this.#cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask(host: string, path: string, form: string | null): Promise<Page> {
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    const cookie = this.cookies(host);
    const authority = `${host}:${this.#port}`;
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          path,
          method: form === null ? 'GET' : 'POST',
          headers: {
            Host: authority,
            Accept: 'text/html,*/*',
            ...(cookie && { Cookie: cookie }),
            ...(form !== null && {
              Origin: `http://${authority}`,
              'Content-Type': 'application/x-www-form-urlencoded',
              'Content-Length': Buffer.byteLength(form),
            }),
          },
        },
        (response) => {
          for (const line of response.headers['set-cookie'] ?? []) {
            const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
            jar.set(name, value);
          }
          let body = '';
          response.setEncoding('latin1');
          response.on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, location: response.headers.location, body }),
          );
        },
      );
      asking.on('error', reject);
      asking.end(form ?? undefined);
    });
  }
}
