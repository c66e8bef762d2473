import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type BodyBounds, readBody } from '../http/body.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Limits } from '../limits.ts';
import type { Call, Form, Method } from '../ports/routes.ts';

/** The body of a call is not taken. */
export class CallRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.error);
    this.refusal = refusal;
  }
}

/** A request, as a route sees it. */
export class IncomingCall implements Call {
  readonly origin: Origin;
  readonly parameters: readonly string[];
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #bounds: BodyBounds & { readonly limits: Pick<Limits, 'formBytes'> };

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    parameters: readonly string[],
    bounds: BodyBounds & { readonly limits: Pick<Limits, 'formBytes'> },
  ) {
    this.#request = request;
    this.#response = response;
    this.#bounds = bounds;
    this.origin = origin;
    this.parameters = parameters;
  }

  get method(): Method {
    return this.#request.method as Method;
  }

  get target(): string {
    return this.#request.url ?? '/';
  }

  /** Bounded by `limits.headBytes`. */
  get query(): URLSearchParams {
    const at = this.target.indexOf('?');
    return new URLSearchParams(at < 0 ? '' : this.target.slice(at + 1));
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  async form(): Promise<Form> {
    const body = await this.body('application/x-www-form-urlencoded', this.#bounds.limits.formBytes);
    return new URLSearchParams(body.toString('utf8'));
  }

  async body(type: string, maxBytes: number): Promise<Buffer> {
    const body = await readBody(this.#request, this.#response, type, maxBytes, this.#bounds);
    if ('error' in body) throw new CallRefused(body);
    return body;
  }
}
