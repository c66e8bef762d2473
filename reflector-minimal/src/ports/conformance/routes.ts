import { afterEach, describe, expect, test } from 'vitest';
import type { Answer, BrowserCall, Call, Route } from '../routes.ts';

type Headers = Readonly<Record<string, string>>;

/** A host that serves routes, and a user who may call them. */
export interface RoutesHost {
  /** One request, with nothing in its head but what it needs and `headers`. */
  ask(
    method: string,
    path: string,
    headers?: Headers,
    body?: string,
  ): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
    readonly text: string;
  }>;
  /** What a program of the user sends, and a browser in which the user is logged in. */
  readonly program: Headers;
  readonly browser: Headers;
  /** The origin of the host, and that of a page of a device. */
  readonly origin: string;
  readonly devicePage: string;
  /** 32. */
  readonly formBytes: number;
  /** 2: calls of one user at once. */
  readonly concurrency: number;
  close(): Promise<void>;
}

const page = { Accept: 'text/html', 'User-Agent': 'Mozilla/5.0' };
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** What every host of routes keeps to. `open`: one that serves these routes. */
export function routesConformance(open: (routes: readonly Route[]) => Promise<RoutesHost>): void {
  describe('routes', () => {
    let host: RoutesHost | null = null;
    let calls: Call[] = [];
    const serve = async (...routes: Route[]) => {
      calls = [];
      host = await open(routes);
      return host;
    };
    afterEach(async () => {
      await host?.close();
      host = null;
    });

    /** Answers with what it was asked, and writes it down. */
    const answer = (call: Call): Answer => {
      calls.push(call);
      return { status: 200, type: 'text/plain', body: `${call.method} ${call.parameters.join(' ')}` };
    };
    const anyone = { access: 'anyone', methods: ['GET', 'POST'], path: '/added/open', answer } as const;
    const browser = { access: 'browser', methods: ['GET', 'POST'], path: '/added/browser', answer } as const;
    const user = { access: 'user', methods: ['GET', 'POST'], path: '/added/user', answer } as const;

    test('an open route is for everybody', async () => {
      const { ask, devicePage } = await serve(anyone);
      expect((await ask('GET', '/added/open')).status).toBe(200);
      expect((await ask('POST', '/added/open', { Origin: devicePage })).status).toBe(200);
    });

    test('a route for browsers takes what changes something from pages of its own host alone', async () => {
      const { ask, browser: cookie, origin, devicePage } = await serve(browser);
      expect((await ask('GET', '/added/browser')).status).toBe(200);
      for (const Origin of [devicePage, 'null', 'http://elsewhere.example']) {
        const sent = { ...cookie, ...page, Origin };
        expect((await ask('POST', '/added/browser', sent)).status).toBe(403);
      }
      expect((await ask('POST', '/added/browser', cookie)).status).toBe(403);
      expect((await ask('POST', '/added/browser', { ...cookie, Origin: origin })).status).toBe(200);
      expect(calls).toHaveLength(2);
    });

    test('a route for browsers learns who is logged in, by cookie alone', async () => {
      const names: (string | undefined)[] = [];
      const {
        ask,
        browser: cookie,
        program,
      } = await serve({
        ...browser,
        answer: async (call: BrowserCall) => {
          names.push((await call.session())?.user.name);
          return { status: 204 };
        },
      });
      for (const headers of [{}, program, cookie]) await ask('GET', '/added/browser', headers);
      expect(names.map((name) => name !== undefined)).toEqual([false, false, true]);
    });

    test('a route for users is for those who are logged in', async () => {
      const { ask, program, browser: cookie } = await serve(user);
      expect((await ask('GET', '/added/user')).status).toBe(401);
      const sent = await ask('GET', '/added/user?a=b', page);
      expect([sent.status, sent.headers.location]).toEqual([303, '/log-in?next=%2Fadded%2Fuser%3Fa%3Db']);
      expect(calls).toEqual([]);
      expect((await ask('GET', '/added/user', program)).status).toBe(200);
      expect((await ask('POST', '/added/user', program)).status).toBe(200);
      expect((await ask('GET', '/added/user', { ...cookie, ...page })).status).toBe(200);
    });

    test('a page of a device calls nothing with the cookie of its user', async () => {
      const { ask, browser: cookie, devicePage, origin } = await serve(user);
      for (const method of ['GET', 'POST']) {
        for (const headers of [
          { Origin: devicePage },
          { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' },
          { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
        ]) {
          expect((await ask(method, '/added/user', { ...cookie, ...headers })).status).toBe(403);
        }
      }
      expect((await ask('POST', '/added/user', cookie)).status).toBe(403);
      expect(calls).toEqual([]);
      expect((await ask('POST', '/added/user', { ...cookie, Origin: origin })).status).toBe(200);
    });

    test('a user has no more calls at once than their share', async () => {
      const release: (() => void)[] = [];
      const { ask, program, concurrency } = await serve({
        ...user,
        answer: () => new Promise<Answer>((resolve) => release.push(() => resolve({ status: 204 }))),
      });
      const held = Array.from({ length: concurrency + 1 }, () => ask('GET', '/added/user', program));
      const refused = await Promise.race(held);
      expect(refused.status).toBe(429);
      for (const end of release) end();
      expect((await Promise.all(held)).map(({ status }) => status).sort()).toEqual([204, 204, 429]);
    });

    test('a path without a route, and a method that the route has not, do not exist for users', async () => {
      const { ask, program } = await serve(user);
      expect((await ask('GET', '/added/nothing')).status).toBe(401);
      expect((await ask('GET', '/added/nothing', program)).status).toBe(404);
      expect((await ask('PUT', '/added/user', program)).status).toBe(404);
    });

    test('a route may refuse other methods in place of that', async () => {
      const strict = { otherMethods: 'not allowed' } as const;
      const { ask, program } = await serve({ ...anyone, ...strict }, { ...user, ...strict });
      const refused = await ask('PUT', '/added/open');
      expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, POST']);
      expect((await ask('PUT', '/added/user')).status).toBe(401);
      expect((await ask('PUT', '/added/user', program)).status).toBe(405);
    });

    test('a segment * stands for one that is not empty, and gives way to a path without it', async () => {
      const { ask } = await serve(
        { ...anyone, path: '/added/*/of/*' },
        { ...anyone, path: '/added/1/of/2', answer: () => ({ status: 200, body: 'exact' }) },
      );
      expect((await ask('GET', '/added/a%20b/of/c?d')).text).toBe('GET a%20b c');
      expect((await ask('GET', '/added/1/of/2')).text).toBe('exact');
      for (const path of ['/added//of/c', '/added/a/of/', '/added/a/b/of/c', '/added/a/of/c/']) {
        expect((await ask('GET', path)).status).toBe(401);
      }
    });

    test('two routes of the same method and path are refused', async () => {
      await expect(open([anyone, { ...anyone, methods: ['POST'] }])).rejects.toThrow('two routes for POST');
    });

    test('a body is of the type and length that the route takes', async () => {
      const texts: (string | null)[] = [];
      const { ask, formBytes } = await serve(
        {
          ...anyone,
          answer: async (call: Call) => {
            texts.push((await call.form()).get('a'));
            return { status: 204 };
          },
        },
        {
          ...anyone,
          path: '/added/json',
          answer: async (call: Call) => {
            texts.push((await call.body('application/json', 4)).toString());
            return { status: 204 };
          },
        },
      );
      const post = (path: string, type: string, body: string) =>
        ask('POST', path, { 'Content-Type': type }, body).then(({ status }) => status);
      expect(await post('/added/open', 'text/plain', 'a=1')).toBe(415);
      expect(await post('/added/open', form['Content-Type'], `a=${'x'.repeat(formBytes)}`)).toBe(413);
      expect(await post('/added/open', `${form['Content-Type']}; charset=utf-8`, 'a=1')).toBe(204);
      expect(await post('/added/json', form['Content-Type'], '{}')).toBe(415);
      expect(await post('/added/json', 'application/json', '12345')).toBe(413);
      expect(await post('/added/json', 'Application/JSON', '{}')).toBe(204);
      expect(texts).toEqual(['1', '{}']);
    });

    test('every answer has the headers that protect it, whatever the route says', async () => {
      const { ask, program } = await serve(
        {
          ...anyone,
          answer: () => ({
            status: 200,
            type: 'text/html',
            body: '',
            headers: {
              'Cache-Control': 'public',
              'content-security-policy': "default-src 'unsafe-inline'",
              'X-Content-Type-Options': '',
              'Referrer-Policy': 'unsafe-url',
              'set-cookie': 'a=b',
              'Transfer-Encoding': 'chunked',
              'Content-Length': '99',
              'Strict-Transport-Security': 'max-age=0',
              'X-Own': '1',
            },
          }),
        },
        { ...user, answer: () => ({ status: 409, error: 'not so' }) },
      );
      const answers = [
        await ask('GET', '/added/open'),
        await ask('GET', '/added/user', program),
        await ask('GET', '/added/user'),
        await ask('GET', '/added/user', page),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 409, 401, 303]);
      for (const { headers } of answers) {
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['content-security-policy']).toMatch(/^default-src 'none';.* frame-ancestors 'none';/);
        expect(headers['content-security-policy']).not.toContain('unsafe');
        expect(headers['x-content-type-options']).toBe('nosniff');
        expect(headers['referrer-policy']).toBe('same-origin');
        expect(headers['set-cookie']).toBeUndefined();
        expect(headers['strict-transport-security']).not.toBe('max-age=0');
        expect(headers['transfer-encoding']).toBeUndefined();
      }
      expect(answers[0]?.headers['x-own']).toBe('1');
    });

    test('a page says what it loads, from this host alone, and where its forms lead', async () => {
      const { ask } = await serve(
        {
          ...anyone,
          answer: (): Answer => ({
            status: 200,
            body: 'x',
            maxAge: 60,
            cookies: ['a=1', 'b=2'],
            loads: ['script', 'connect', 'style'],
            formTargets: ['https://*.device.example:8443'],
          }),
        },
        {
          ...anyone,
          path: '/added/wrong',
          answer: () => ({ status: 200, formTargets: ["https://a.example; script-src 'unsafe-inline'"] }),
        },
      );
      const { headers } = await ask('GET', '/added/open');
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' .*; frame-ancestors 'none'; base-uri 'none'; form-action 'self' https:\/\/\*\.device\.example:8443$/,
      );
      expect(headers['cache-control']).toBe('private, max-age=60');
      expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
      await expect(ask('GET', '/added/wrong')).rejects.toThrow();
    });

    test('refusals look as the route wants, those of the host too', async () => {
      const refuse = ({ status, error }: { status: number; error: string }) => ({
        type: 'application/problem+json',
        body: JSON.stringify({ status, title: error }),
      });
      const { ask } = await serve({ ...user, refuse });
      const refused = await ask('GET', '/added/user');
      expect(refused.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(refused.text)).toEqual({ status: 401, title: 'Please log in' });
      expect(refused.headers['www-authenticate']).toBeDefined();
    });

    test('a load balancer gets its answer without a host', async () => {
      const { ask } = await serve({ ...anyone, withoutHost: true });
      expect((await ask('GET', '/added/open', { Host: '' })).status).toBe(200);
    });
  });
}
