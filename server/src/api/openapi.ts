import type { TObject } from 'typebox';
import { type Endpoint, endpoint } from './endpoint.ts';
import { problemType } from './problem.ts';
import { basePath } from './routes.ts';

/** Of the document. Further keywords are those of JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly [key: string]: unknown;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
  readonly [key: string]: unknown;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
  readonly [key: string]: unknown;
}

/** The description of the API, from the endpoints themselves. */
export function openApi(endpoints: readonly Endpoint[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const one of endpoints) {
    const operations = paths[one.path] ?? {};
    paths[one.path] = operations;
    operations[one.method.toLowerCase()] = operationOf(one);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'rm-server',
      version,
      description: 'Devices, users and rights of a fleet. `docs/server/api.md` shows how to use it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: basePath }],
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a token of POST /token.' },
        basic: { type: 'http', scheme: 'basic' },
      },
      schemas: { Problem: problemSchema },
      responses: {
        Problem: {
          description: 'Problem details (RFC 9457).',
          content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

/** Serves the document. `all`: every endpoint; this one is added. */
export function openApiEndpoint(all: () => readonly Endpoint[], version: string): Endpoint {
  let text: string | undefined;
  return endpoint({
    operation: 'getDescription',
    method: 'GET',
    path: '/openapi.json',
    tag: 'API',
    summary: 'Gets this description.',
    needs: 'own',
    replies: [{ status: 200, description: 'OpenAPI 3.1.', schema: { type: 'object' } }],
    handle: () => {
      text ??= JSON.stringify(openApi(all(), version));
      return { body: text, type: 'application/json' };
    },
  });
}

const problemSchema = {
  type: 'object',
  required: ['title', 'status'],
  properties: {
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'One sentence about this call.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'detail'],
        properties: {
          field: {
            type: 'string',
            description: 'JSON pointer into the body; #query/NAME or #path/NAME otherwise.',
          },
          detail: { type: 'string' },
        },
      },
    },
  },
};

function operationOf(one: Endpoint): OpenApiOperation {
  const headers = [
    ...(one.conditional
      ? [{ name: 'If-Match', required: true, detail: 'The `ETag` of what you have read, or `*`.' }]
      : []),
    ...(one.method === 'POST' && one.needs !== 'nothing'
      ? [
          {
            name: 'Idempotency-Key',
            required: false,
            detail: 'The call is done once, however often it is repeated.',
          },
        ]
      : []),
  ];
  const parameters = [
    ...parametersOf(one.parameters, 'path'),
    ...parametersOf(one.query, 'query'),
    ...headers.map(({ name, required, detail }) => ({
      name,
      in: 'header',
      required,
      description: detail,
      schema: { type: 'string' },
    })),
  ];
  const responses: Record<string, OpenApiResponse> = {};
  for (const { status, description, schema, type = 'application/json' } of one.replies) {
    // One status may come in several media types.
    const other = responses[String(status)];
    responses[String(status)] = {
      description: other?.description ?? description,
      ...(schema ? { content: { ...other?.content, [type]: { schema } } } : {}),
    };
  }
  return {
    operationId: one.operation,
    tags: [one.tag],
    summary: one.summary,
    ...(one.description === undefined ? {} : { description: one.description }),
    ...(one.needs === 'nothing' ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(one.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: one.body } } } }
      : {}),
    responses: {
      ...responses,
      default: { $ref: '#/components/responses/Problem' } as unknown as OpenApiResponse,
    },
  };
}

function parametersOf(schema: TObject | undefined, place: 'path' | 'query') {
  const required = (schema?.required ?? []) as readonly string[];
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string };
    const isRequired = place === 'path' || (required.includes(name) && !('default' in rest));
    return {
      name,
      in: place,
      required: isRequired,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}
