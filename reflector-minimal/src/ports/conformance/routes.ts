import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Answer, BrowserCall, Call, CallHead, Route, RouteSocket } from '../routes.ts';

type Headers = Readonly<Record<string, string>>;

/** A host that serves routes, and a user who may call them. */
export interface RoutesHost {
  /** Of this machine, by HTTP. */
  readonly port: number;
  /** What a program of the user sends, and a browser in which the user is logged in. */
  readonly program: Headers;
  readonly browser: Headers;
  /** By what the program is proven. */
  readonly proof: 'password' | 'token';
  /** The origin of the host, and that of a page of a device. */
  readonly origin: string;
  readonly devicePage: string;
  /** 32. */
  readonly formBytes: number;
  /** 2: calls of one user at once. */
  readonly concurrency: number;
  /** The user loses access, and every poll of the store that is due takes place. */
  revoke(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** The response as it comes. */
async function begin(
  port: number,
  method: string,
  path: string,
  { Host = 'localhost', ...others }: Headers = {},
  body = '',
): Promise<IncomingMessage> {
  const length = body === '' ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const headers = { ...(Host === '' ? {} : { Host }), ...others, ...length };
  const options = { host: '127.0.0.1', port, method, path, agent: false, setHost: false, headers };
  const asked = request(options);
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  asked.on('error', () => {});
  return response;
}

/** One request, with nothing in its head but what it needs and `headers`. */
async function askAt(port: number, ...what: [string, string, Headers?, string?]): Promise<Received> {
  const response = await begin(port, ...what);
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

/** A client of a WebSocket, and what it has received: texts, bytes in hexadecimal, the code of its end. */
class Client {
  readonly socket: WebSocket;
  readonly log: string[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.log.push(isBinary ? data.toString('hex') : data.toString());
    });
    socket.on('close', (code) => this.log.push(`closed ${code}`));
    socket.on('error', () => {});
  }

  /** Rejects with the status of a refusal. */
  static async open(
    port: number,
    path: string,
    headers: Headers = {},
    protocols: string[] = [],
  ): Promise<Client> {
    const { Host = 'localhost', ...others } = headers;
    const options = { headers: { Host, ...others } };
    const client = new Client(new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, options));
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('unexpected-response', (_request, response: IncomingMessage) => {
        response.resume();
        reject(new Error(`refused ${response.statusCode}`));
      });
    });
    return client;
  }

  /** Waits for the end, and returns what came. */
  async whole(): Promise<readonly string[]> {
    if (this.socket.readyState !== WebSocket.CLOSED) await once(this.socket, 'close');
    return this.log;
  }
}

const page = { Accept: 'text/html', 'User-Agent': 'Mozilla/5.0' };
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** What every host of routes keeps to. `open`: one that serves these routes. */
export function routesConformance(open: (routes: readonly Route[]) => Promise<RoutesHost>): void {
  describe('routes', () => {
    let host: RoutesHost | null = null;
    let calls: Call[] = [];
    const clients: Client[] = [];
    const serve = async (...routes: Route[]) => {
      calls = [];
      const opened = await open(routes);
      host = opened;
      const { port } = opened;
      const ask = (...what: [string, string, Headers?, string?]) => askAt(port, ...what);
      const connect = async (...what: [string, Headers?, string[]?]) => {
        const client = await Client.open(port, ...what);
        clients.push(client);
        return client;
      };
      return { ...opened, ask, connect };
    };
    afterEach(async () => {
      for (const { socket } of clients.splice(0)) socket.terminate();
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

    test('a route for browsers may log in a user whom it has proven', async () => {
      let former: string | undefined;
      const {
        ask,
        origin,
        browser: cookie,
      } = await serve(
        {
          ...browser,
          answer: async (call: BrowserCall) => {
            const identity = await call.session();
            former = identity?.session?.id;
            const entered = identity && (await call.logIn(identity.user, 'oidc'));
            if (!entered) return { status: 403, error: 'not proven' };
            return { status: 200, body: entered.session.id, cookies: entered.cookies };
          },
        },
        user,
      );
      const { headers, text } = await ask('POST', '/added/browser', { ...cookie, Origin: origin });
      expect(text).toMatch(/^[0-9a-f]{16}$/);
      expect(text).not.toBe(former);
      const Cookie = (headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ');
      expect((await ask('GET', '/added/user', { Cookie })).status).toBe(200);
      expect((await ask('GET', '/added/user', cookie)).status).toBe(401);
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

    test('a route apart is on the host apart alone, and what is not apart is not there', async () => {
      const apart = { ...anyone, apart: true, path: '/added/apart' };
      const { ask, program } = await serve(anyone, user, apart);
      const Host = 'desk.localhost';
      expect((await ask('GET', '/added/apart', { Host })).status).toBe(200);
      expect((await ask('GET', '/added/apart', program)).status).toBe(404);
      for (const path of ['/added/open', '/added/user', '/added/nothing', '/log-in', '/']) {
        expect((await ask('GET', path, { ...program, ...page, Host })).status).toBe(404);
      }
    });

    test('frames are of pages that ask for them: the host apart in those of the reflector, and no other way', async () => {
      const framed = () => ({ status: 200, type: 'text/html', body: '', framed: true });
      const plain = () => ({ status: 200, type: 'text/html', body: '' });
      const { ask, port } = await serve(
        { ...anyone, path: '/added/framed', answer: framed },
        { ...anyone, path: '/added/framed', answer: framed, apart: true },
        { ...anyone, path: '/added/plain', answer: plain, apart: true },
      );
      const policy = async (path: string, host: string) => {
        const { headers } = await ask('GET', path, { Host: `${host}:${port}` });
        return String(headers['content-security-policy']);
      };
      const own = await policy('/added/framed', 'localhost');
      expect(own).toContain(` frame-src http://desk.localhost:${port};`);
      expect(own).toContain("frame-ancestors 'none';");
      const apart = await policy('/added/framed', 'desk.localhost');
      expect(apart).toContain(`frame-ancestors http://localhost:${port};`);
      expect(apart).not.toContain('frame-src');
      expect(await policy('/added/plain', 'desk.localhost')).toContain("frame-ancestors 'none';");
    });

    test('a WebSocket apart is on the host apart alone', async () => {
      const echo = async (socket: RouteSocket) => {
        for await (const message of socket.messages) await socket.send(message);
      };
      const { connect } = await serve(
        { access: 'anyone', apart: true, path: '/added/apart', maxMessageBytes: 10, connect: echo },
        { access: 'anyone', path: '/added/socket', maxMessageBytes: 10, connect: echo },
      );
      const client = await connect('/added/apart', { Host: 'desk.localhost' });
      client.socket.send('hello');
      await once(client.socket, 'message');
      expect(client.log).toEqual(['hello']);
      await expect(connect('/added/apart')).rejects.toThrow('refused 401');
      await expect(connect('/added/socket', { Host: 'desk.localhost' })).rejects.toThrow('refused 404');
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
          path: '/added/images',
          answer: (): Answer => ({ status: 200, loads: ['img', 'data-img'] }),
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
      const images = await ask('GET', '/added/images');
      expect(images.headers['content-security-policy']).toMatch(
        /^default-src 'none'; img-src 'self' data:; style-src /,
      );
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

    test('what changes something is called by programs, and in a browser from pages of this host alone', async () => {
      const methods = ['PUT', 'PATCH', 'DELETE'] as const;
      const { ask, program, browser: cookie, origin, devicePage } = await serve({ ...user, methods });
      for (const method of methods) {
        expect((await ask(method, '/added/user')).status).toBe(401);
        expect((await ask(method, '/added/user', program)).text).toBe(`${method} `);
        expect((await ask(method, '/added/user', { ...cookie, Origin: origin })).status).toBe(200);
        for (const headers of [{}, { Origin: devicePage }, { 'Sec-Fetch-Site': 'same-site' }]) {
          expect((await ask(method, '/added/user', { ...cookie, ...headers })).status).toBe(403);
        }
      }
    });

    test('a route may take some proofs of its users, and no others', async () => {
      const other = (proof: string) => (proof === 'token' ? 'password' : 'token');
      const {
        ask,
        program,
        browser: cookie,
        proof,
      } = await serve(
        { ...user, proofs: ['session'] },
        { ...user, path: '/added/token', proofs: ['token'] },
        { ...user, path: '/added/password', proofs: ['password'] },
      );
      expect((await ask('GET', '/added/user', cookie)).status).toBe(200);
      expect((await ask('GET', '/added/user', program)).status).toBe(401);
      expect((await ask('GET', `/added/${proof}`, program)).status).toBe(200);
      const refused = await ask('GET', `/added/${other(proof)}`, program);
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, expect.any(String)]);
      expect((await ask('GET', `/added/${proof}`, { ...cookie, ...page })).status).toBe(401);
      expect(calls).toHaveLength(2);
    });

    test('a body is JSON, or is refused', async () => {
      const values: unknown[] = [];
      const { ask } = await serve({
        ...anyone,
        answer: async (call: Call) => {
          values.push(await call.json(20));
          return { status: 204 };
        },
      });
      const json = { 'Content-Type': 'application/json' };
      const post = (body: string, headers: Headers = json) =>
        ask('POST', '/added/open', headers, body).then(({ status }) => status);
      expect(await post('{"a": [1]}')).toBe(204);
      expect(await post('{"a": ')).toBe(400);
      expect(await post('', json)).toBe(400);
      expect(await post(`"${'x'.repeat(20)}"`)).toBe(413);
      expect(await post('{}', form)).toBe(415);
      expect(values).toEqual([{ a: [1] }]);
    });

    test('a body may be taken in pieces, within its bound', async () => {
      const { ask } = await serve({
        ...anyone,
        answer: async (call: Call) => {
          let bytes = 0;
          for await (const piece of call.stream('application/octet-stream', 1_000_000)) bytes += piece.length;
          return { status: 200, body: String(bytes) };
        },
      });
      const type = { 'Content-Type': 'application/octet-stream' };
      expect((await ask('POST', '/added/open', type, 'x'.repeat(1_000_000))).text).toBe('1000000');
      expect((await ask('POST', '/added/open', type, 'x'.repeat(1_000_001))).status).toBe(413);
      expect((await ask('POST', '/added/open', form, 'x')).status).toBe(415);
    });

    /** A stream of events without an end. */
    const events = (signals: AbortSignal[]) => ({
      ...user,
      methods: ['GET', 'HEAD'] as const,
      answer: (call: Call) => {
        signals.push(call.signal);
        return {
          status: 200,
          type: 'text/event-stream',
          headers: { 'Cache-Control': 'public' },
          stream: endless(call),
        };
      },
    });
    async function* endless({ signal }: CallHead) {
      yield 'data: first\n\n';
      if (!signal.aborted) await once(signal, 'abort');
    }

    test('an answer may come in pieces, with the headers that protect it', async () => {
      const signals: AbortSignal[] = [];
      const { port, program, ask } = await serve(events(signals));
      const response = await begin(port, 'GET', '/added/user', program);
      const [piece] = (await once(response, 'data')) as [Buffer];
      expect([response.statusCode, String(piece)]).toEqual([200, 'data: first\n\n']);
      expect(response.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      expect(response.headers['content-length']).toBeUndefined();
      response.destroy();
      const [signal] = signals;
      if (signal && !signal.aborted) await once(signal, 'abort');
      expect(signal?.aborted).toBe(true);
      expect((await ask('HEAD', '/added/user', program)).status).toBe(200);
    });

    test('a streamed answer that fails does not look whole, and one that ends does', async () => {
      const { ask } = await serve(
        {
          ...anyone,
          answer: () => ({
            status: 200,
            stream: (async function* () {
              yield 'half';
              throw new Error('the route has failed');
            })(),
          }),
        },
        {
          ...anyone,
          path: '/added/whole',
          answer: () => ({
            status: 200,
            stream: (async function* () {
              yield 'a';
              yield Buffer.alloc(300_000, 'b');
            })(),
          }),
        },
      );
      await expect(ask('GET', '/added/open')).rejects.toThrow('aborted');
      expect((await ask('GET', '/added/whole')).text).toHaveLength(300_001);
    });

    /** Says back what it is told; `end` and `fail` end it. */
    const echo = async (socket: RouteSocket) => {
      for await (const message of socket.messages) {
        if (message === 'end') return;
        if (message === 'fail') throw new Error('the route has failed');
        expect(await socket.send(message)).toBe(true);
      }
    };
    const openSocket = {
      access: 'anyone',
      path: '/added/open',
      maxMessageBytes: 100,
      connect: echo,
    } as const;
    const userSocket = { access: 'user', path: '/added/user', maxMessageBytes: 100, connect: echo } as const;

    test('a WebSocket carries texts and bytes both ways, and ends with what serves it', async () => {
      const { connect } = await serve({ ...openSocket, subprotocols: ['b', 'a'] }, anyone);
      const client = await connect('/added/open', {}, ['a', 'b']);
      expect(client.socket.protocol).toBe('b');
      client.socket.send('one');
      client.socket.send(Buffer.from([1, 255]));
      client.socket.send('end');
      expect(await client.whole()).toEqual(['one', '01ff', 'closed 1000']);
      const failing = await connect('/added/open');
      failing.socket.send('fail');
      expect(await failing.whole()).toEqual(['closed 1011']);
      const talkative = await connect('/added/open');
      talkative.socket.send('x'.repeat(101));
      expect(await talkative.whole()).toEqual(['closed 1009']);
    });

    test('a WebSocket for users is for those who are logged in, from pages of this host alone', async () => {
      const { connect, program, browser: cookie, origin, devicePage } = await serve(userSocket);
      const status = (headers: Headers, path = '/added/user') =>
        connect(path, headers).then(
          () => 101,
          (error: Error) => error.message,
        );
      expect(await status({})).toBe('refused 401');
      expect(await status({}, '/added/nothing')).toBe('refused 401');
      expect(await status(program, '/added/nothing')).toBe('refused 404');
      for (const Origin of [devicePage, 'null', 'http://elsewhere.example']) {
        expect(await status({ ...cookie, Origin })).toBe('refused 403');
      }
      expect(await status(cookie)).toBe('refused 403');
      expect(await status({ ...cookie, Origin: origin })).toBe(101);
      expect(await status(program)).toBe(101);
      // Both count for the user as long as they last.
      expect(await status(program)).toBe('refused 429');
    });

    test('what lasts ends when its user loses access', async () => {
      const signals: AbortSignal[] = [];
      const { port, connect, program, revoke } = await serve(events(signals), userSocket);
      const response = await begin(port, 'GET', '/added/user', program);
      await once(response, 'data');
      const client = await connect('/added/user', program);
      const cut = once(response, 'error');
      await revoke();
      await cut;
      expect(await client.whole()).toEqual(['closed 1008']);
      expect(signals[0]?.aborted).toBe(true);
    });

    test('an upload and a wait for an answer end when their user loses access', async () => {
      const aborted: string[] = [];
      const taken: string[] = [];
      const { port, program, revoke } = await serve({
        ...user,
        answer: async (call: Call) => {
          call.signal.addEventListener('abort', () => aborted.push(call.method));
          if (call.method === 'GET') {
            await once(call.signal, 'abort');
            return null;
          }
          for await (const piece of call.stream('text/plain', 1_000)) taken.push(String(piece));
          return { status: 204 };
        },
      });
      const waiting = begin(port, 'GET', '/added/user', program).catch((error: Error) => error.message);
      const headers = { Host: 'localhost', 'Content-Type': 'text/plain', ...program };
      const uploading = request({ port, host: '127.0.0.1', method: 'POST', path: '/added/user', headers });
      const cut = new Promise((resolve) => uploading.once('close', resolve));
      uploading.on('error', () => {});
      uploading.write('before');
      while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await revoke();
      await cut;
      expect(await waiting).toBe('socket hang up');
      expect([taken, aborted.sort()]).toEqual([['before'], ['GET', 'POST']]);
    });

    test('a WebSocket takes nothing more from a user who has lost access', async () => {
      const taken: string[] = [];
      let goOn = () => {};
      const busy = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let over = () => {};
      const ended = new Promise<void>((resolve) => {
        over = resolve;
      });
      const { connect, program, revoke } = await serve({
        ...userSocket,
        connect: async ({ messages }: RouteSocket) => {
          let told = false;
          for await (const message of messages) {
            told = true;
            taken.push(String(message));
            await busy;
          }
          if (told) over();
        },
      });
      const client = await connect('/added/user', program);
      client.socket.send('before');
      while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
      // These wait, since the route is busy.
      for (let i = 0; i < 3; i++) client.socket.send('x'.repeat(100));
      client.socket.pause();
      // This one, which is younger, tells when access is over.
      const other = await connect('/added/user', program);
      await revoke();
      expect(await other.whole()).toEqual(['closed 1008']);
      client.socket.send('after');
      goOn();
      await ended;
      expect(taken).toEqual(['before']);
    });

    test('what lasts ends with the host', async () => {
      const { port, connect, program, close } = await serve(events([]), userSocket);
      const response = await begin(port, 'GET', '/added/user', program);
      await once(response, 'data');
      const client = await connect('/added/user', program);
      const cut = once(response, 'error');
      await close();
      await cut;
      expect(await client.whole()).toEqual(['closed 1001']);
    });

    test('a caller that takes nothing is disconnected rather than waited for in memory', async () => {
      let sent = 0;
      let over: (() => void) | null = null;
      const ended = new Promise<void>((resolve) => {
        over = resolve;
      });
      const { connect } = await serve({
        ...openSocket,
        connect: async (socket: RouteSocket) => {
          const results = Array.from({ length: 64 }, () => socket.send(Buffer.alloc(1 << 20)));
          sent = (await Promise.all(results)).filter(Boolean).length;
          over?.();
        },
      });
      const client = await connect('/added/open');
      client.socket.pause();
      await ended;
      expect(sent).toBeLessThan(64);
    });

    test('a load balancer gets its answer without a host', async () => {
      const { ask } = await serve({ ...anyone, withoutHost: true });
      expect((await ask('GET', '/added/open', { Host: '' })).status).toBe(200);
    });
  });
}
