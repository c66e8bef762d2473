/** A call that the server has refused (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Wrong fields of the body, by name. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(status: number, body: unknown) {
    const { title = `HTTP ${status}`, detail = '', errors = [] } = (body ?? {}) as ProblemBody;
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
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
