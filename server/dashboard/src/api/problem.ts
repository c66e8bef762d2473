/** A call that the server has refused (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Wrong fields of the body, by name. */
  readonly fields: ReadonlyMap<string, string>;

  /** When to call again, in seconds; `null`: the server has not said. */
  readonly retryAfter: number | null;

  /** `retryAfter`: the header of this name. */
  constructor(status: number, body: unknown, retryAfter: string | null = null) {
    const { title = `HTTP ${status}`, detail = '', errors = [] } = (body ?? {}) as ProblemBody;
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.retryAfter = /^\d{1,5}$/.test(retryAfter ?? '') ? Number(retryAfter) : null;
    this.fields = new Map(errors.map((error) => [error.field.replace(/^\//, ''), error.detail]));
  }
}

interface ProblemBody {
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly detail: string }[];
}

/** The server did not answer, or something between answered in its place. */
export class Unreachable extends Error {
  constructor() {
    super('the server cannot be reached');
  }
}
