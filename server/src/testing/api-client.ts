import { request } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { OpenApiDocument, OpenApiOperation } from '../api/openapi.ts';
import { basePath } from '../api/routes.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** JSON that was read, or text. */
  readonly body: unknown;
  readonly text: string;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Calls the API. Each answer has to be one that the description names. */
export class ApiClient {
  readonly #port: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #document: (() => Promise<OpenApiDocument>) | null;

  constructor(
    port: number,
    headers: Readonly<Record<string, string>>,
    document: (() => Promise<OpenApiDocument>) | null,
  ) {
    this.#port = port;
    this.#headers = headers;
    this.#document = document;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.call('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.call('POST', path, body, headers);
  }

  put(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.call('PUT', path, body, headers);
  }

  patch(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.call('PATCH', path, body, headers);
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.call('DELETE', path, undefined, headers);
  }

  /** `path`: below `/my-devices/api`. `body`: becomes JSON, unless it is text or bytes. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const payload = body === undefined || raw ? (body as string | undefined) : JSON.stringify(body);
    const answer = await this.#send(method, path, payload, {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...this.#headers,
      ...headers,
    });
    if (this.#document) checkAnswer(await this.#document(), method, path, answer);
    return answer;
  }

  #send(
    method: string,
    path: string,
    payload: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer> {
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.#port,
        method,
        path: `${basePath}${path}`,
        headers: {
          host: `localhost:${this.#port}`,
          ...(payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
          ...headers,
        },
      };
      const sent = request(options, (response) => {
        if (/^text\/event-stream\b/.test(response.headers['content-type'] ?? '')) {
          // It has no end.
          sent.destroy();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '', text: '' });
          return;
        }
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString('utf8');
          const json = /^application\/(?:[a-z.-]+\+)?json\b/.test(response.headers['content-type'] ?? '');
          const read: unknown = json ? JSON.parse(text) : text;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read, text });
        });
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }
}

/** Fails unless the description has such an answer to such a call. */
export function checkAnswer(
  document: OpenApiDocument,
  method: string,
  path: string,
  answer: ApiAnswer,
): void {
  const operation = operationOf(document, method, path);
  const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  if (!operation || answer.status >= 400) {
    if (answer.status >= 400 && type === 'application/problem+json') checkProblem(document, answer);
    return;
  }
  const described = operation.responses[String(answer.status)];
  expect(described, `${method} ${path} is not described to answer ${answer.status}`).toBeDefined();
  if (!described?.content) {
    expect(answer.text, `${method} ${path}`).toBe('');
    return;
  }
  const content = described.content[type];
  expect(content, `${method} ${path} is not described to answer with ${type}`).toBeDefined();
  if (content?.schema) validate(document, content.schema, answer.body, `${method} ${path}`);
}

function checkProblem(document: OpenApiDocument, answer: ApiAnswer): void {
  validate(document, { $ref: '#/components/schemas/Problem' }, answer.body, 'problem');
}

function validate(document: OpenApiDocument, schema: unknown, value: unknown, about: string): void {
  const check = ajv.compile({ ...(schema as object), components: document.components });
  expect(
    check(value),
    `${about}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(value).slice(0, 500)}`,
  ).toBe(true);
}

function operationOf(document: OpenApiDocument, method: string, path: string): OpenApiOperation | undefined {
  const segments = path.split('?')[0]?.split('/') ?? [];
  const candidates = Object.entries(document.paths).filter(([pattern]) => {
    const parts = pattern.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, i) => part === segments[i] || part.startsWith('{'))
    );
  });
  candidates.sort(([a], [b]) => a.split('{').length - b.split('{').length);
  return candidates
    .map(([, operations]) => operations[method.toLowerCase()])
    .find((one) => one !== undefined);
}
