import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type BodyBounds, bodyPieces, readBody } from '../http/body.ts';
import { type Look, lookOf } from '../http/look.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Limits } from '../limits.ts';
import type { Call, CallHead, Form, Method } from '../ports/routes.ts';

/** The body of a call is not taken. */
export class CallRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.error);
    this.refusal = refusal;
  }
}

/** The head of a request, as a route sees it. */
export class IncomingHead<Lasting extends ServerResponse | Duplex = Duplex> implements CallHead {
  readonly origin: Origin;
  readonly parameters: readonly string[];
  protected readonly request: IncomingMessage;
  protected readonly lasting: Lasting;
  readonly #controller = new AbortController();
  #watched = false;
  #look: Look | null = null;

  /** `lasting` closes when the request is over. */
  constructor(request: IncomingMessage, lasting: Lasting, origin: Origin, parameters: readonly string[]) {
    this.request = request;
    this.lasting = lasting;
    this.origin = origin;
    this.parameters = parameters;
  }

  get target(): string {
    return this.request.url ?? '/';
  }

  /** Bounded by `limits.headBytes`. */
  get query(): URLSearchParams {
    const at = this.target.indexOf('?');
    return new URLSearchParams(at < 0 ? '' : this.target.slice(at + 1));
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.request.rawHeaders;
  }

  get look(): Look {
    this.#look ??= lookOf(this.request);
    return this.#look;
  }

  get gone(): boolean {
    return this.lasting.destroyed;
  }

  get signal(): AbortSignal {
    if (this.gone) this.withdraw();
    else if (!this.#watched) {
      this.#watched = true;
      this.lasting.once('close', () => this.withdraw());
    }
    return this.#controller.signal;
  }

  /** The caller is not to get any more, and does not hear of it here. */
  withdraw(): void {
    this.#controller.abort();
  }
}

/** A request, as a route sees it. */
export class IncomingCall extends IncomingHead<ServerResponse> implements Call {
  readonly #bounds: BodyBounds & { readonly limits: Pick<Limits, 'formBytes'> };

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    parameters: readonly string[],
    bounds: BodyBounds & { readonly limits: Pick<Limits, 'formBytes'> },
  ) {
    super(request, response, origin, parameters);
    this.#bounds = bounds;
  }

  get method(): Method {
    return this.request.method as Method;
  }

  async form(): Promise<Form> {
    const body = await this.body('application/x-www-form-urlencoded', this.#bounds.limits.formBytes);
    return new URLSearchParams(body.toString('utf8'));
  }

  async body(type: string, maxBytes: number): Promise<Buffer> {
    const body = await readBody(this.request, this.lasting, type, maxBytes, this.#bounds);
    if ('error' in body) throw new CallRefused(body);
    return body;
  }

  async json(maxBytes: number): Promise<unknown> {
    const text = (await this.body('application/json', maxBytes)).toString('utf8');
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new CallRefused({ status: 400, error: 'the body is not JSON' });
    }
  }

  async *stream(type: string, maxBytes: number): AsyncIterable<Buffer> {
    const pieces = bodyPieces(this.request, this.lasting, type, maxBytes);
    if ('error' in pieces) throw new CallRefused(pieces);
    for await (const piece of pieces) {
      if ('error' in piece) throw new CallRefused(piece);
      yield piece;
    }
  }
}
