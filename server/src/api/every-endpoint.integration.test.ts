import { request } from 'node:http';
import { createConfig, lintFromString, type NormalizedProblem } from '@redocly/openapi-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Schema, valuesOf } from '../testing/generated.ts';
import { TestServer } from '../testing/test-server.ts';
import type { OpenApiDocument } from './openapi.ts';
import { basePath } from './routes.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly body: Schema | null;
  readonly open: boolean;
}

/** What the description says of each operation. */
function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      const {
        parameters = [],
        requestBody,
        security,
      } = operation as unknown as {
        readonly parameters?: Operation['parameters'];
        readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
        readonly security?: readonly unknown[];
      };
      const body = requestBody?.content['application/json']?.schema ?? null;
      const open = security?.length === 0;
      return {
        method: method.toUpperCase(),
        path,
        operationId: operation.operationId,
        parameters,
        body,
        open,
      };
    }),
  );
}

/** The server and its description, read before the tests are made. */
const server = await TestServer.start({ limits: { callsBurst: 1_000_000 } });
const document = await server.document();
const operations = operationsOf(document);
const callers = { alice: await server.signedIn('alice'), bob: await server.signedIn('bob') };
afterAll(() => server.close());

test('no list is compared each item with each: a long one would stop the loop for seconds', () => {
  // Where `items` has no type of texts and numbers, Ajv compares each pair.
  const slow: string[] = [];
  const look = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const { uniqueItems, items } = value as { uniqueItems?: boolean; items?: { type?: unknown } };
    const types = [items?.type ?? 'object'].flat();
    if (uniqueItems && types.some((type) => type === 'object' || type === 'array')) slow.push(at);
    for (const [name, one] of Object.entries(value)) look(one, `${at}/${name}`);
  };
  for (const { operationId, body, parameters } of operations) look([body, parameters], operationId);
  expect(slow).toEqual([]);
});

test('the description passes the linter', async () => {
  const config = await createConfig({
    extends: ['recommended'],
    rules: {
      // A tag is the heading of a section, and says enough.
      'tag-description': 'off',
      // The reflector that serves the document is at no address that it could name.
      'no-server-example.com': 'off',
      'no-empty-servers': 'off',
      // `default` stands for every problem.
      'operation-4xx-response': 'off',
    },
  });
  const problems: NormalizedProblem[] = await lintFromString({ source: JSON.stringify(document), config });
  expect(
    problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
  ).toEqual([]);
});

const runs = Number(process.env.RM_FUZZ_RUNS || 25);
const device = { id: 'pump-7', domain: 'd' };

describe('whatever comes to it', () => {
  beforeAll(async () => {
    const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
    await server.reflector.store.devices.add({ ...device, secrets }, Date.now(), null);
  });

  test('callers are let in, or the following would prove nothing', async () => {
    for (const caller of Object.values(callers)) expect((await caller.get('/openapi.json')).status).toBe(200);
  });

  test.each(operations)('$operationId answers as described, or with a problem', async (operation) => {
    const { method, path, parameters, body } = operation;
    const values = fc.record({
      parameters: fc.record(
        Object.fromEntries(parameters.map(({ name, schema }) => [name, valuesOf(schema)])),
        { requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name) },
      ),
      body: body === null ? fc.constant(undefined) : valuesOf(body),
      user: fc.constantFrom('alice' as const, 'bob' as const),
    });
    await fc.assert(
      fc.asyncProperty(values, async (given) => {
        const texts = given.parameters as Readonly<Record<string, unknown>>;
        const of = (place: string) => parameters.filter((one) => one.in === place && one.name in texts);
        const target = of('path').reduce(
          (all, { name }) => all.replace(`{${name}}`, encodeURIComponent(wellFormed(texts[name])) || '%20'),
          path,
        );
        const query = new URLSearchParams(
          of('query').map(({ name }): [string, string] => [name, wellFormed(texts[name])]),
        );
        const headers = Object.fromEntries(of('header').map(({ name }) => [name, '*']));
        const suffix = query.size > 0 ? `?${query}` : '';
        // The account and the rights of who asks stay as they are.
        if (/\/(?:alice|bob)\b/.test(target) && method !== 'GET') return;
        const answer = await callers[given.user].call(method, `${target}${suffix}`, given.body, headers);
        expect(answer.status, answer.text).toBeLessThan(500);
        expect(answer.status).not.toBe(401);
        if (answer.status >= 400) expect(answer.headers['content-type']).toBe('application/problem+json');
      }),
      { numRuns: runs, seed: 20261128 },
    );
  });
});

describe('without the right to it', () => {
  const send = (method: string, path: string, headers: Readonly<Record<string, string>>) =>
    new Promise<number>((resolve, reject) => {
      const target = `${basePath}${path.replaceAll(/\{[^}]+\}/g, 'x')}`;
      const sent = request(
        { host: '127.0.0.1', port: server.reflector.port, method, path: target, headers },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      sent.on('error', reject).end();
    });
  const host = () => `localhost:${server.reflector.port}`;
  let cookie = '';
  beforeAll(async () => {
    cookie = await server.cookieOf('alice');
  });

  test('the cookie itself lets a page of the server call', async () => {
    expect(
      await send('GET', '/openapi.json', { host: host(), cookie, 'sec-fetch-site': 'same-origin' }),
    ).toBe(200);
  });

  const closed = operations.filter(({ open }) => !open);
  test.each(closed)('$operationId is refused to whoever is not logged in', async ({ method, path }) => {
    expect(await send(method, path, { host: host() })).toBe(401);
  });

  test.each(closed)(
    '$operationId is refused to pages of devices and of others, by the cookie of a user',
    async ({ method, path }) => {
      const site = `http://${device.id}.${host()}`;
      for (const headers of [
        { origin: site, 'sec-fetch-site': 'same-site' },
        { origin: site },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        { origin: 'https://other.example', 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
      ]) {
        const status = await send(method, path, { host: host(), cookie, ...headers });
        expect([403, 401], JSON.stringify(headers)).toContain(status);
      }
    },
  );
});

/** Text that an address can carry. */
function wellFormed(value: unknown): string {
  return String(typeof value === 'object' ? JSON.stringify(value) : value).replaceAll(
    /[\ud800-\udfff]/g,
    '?',
  );
}
