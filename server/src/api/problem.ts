import type { Answer } from 'rm-reflector/ports';

/** One field that is wrong. */
export interface FieldFault {
  /** JSON pointer (RFC 6901) into the body; `#query/NAME` and `#path/NAME` for what is in the address. */
  readonly field: string;
  /** What is allowed. */
  readonly detail: string;
}

export interface ProblemDetails {
  /** One sentence about this very call. */
  readonly detail?: string;
  readonly errors?: readonly FieldFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ends a call with problem details (RFC 9457). It holds no secret. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly details: ProblemDetails;

  constructor(status: number, title: string, details: ProblemDetails = {}) {
    super(details.detail ?? title);
    this.status = status;
    this.title = title;
    this.details = details;
  }

  answer(): Answer {
    const { detail, errors, headers = {} } = this.details;
    const body = { title: this.title, status: this.status, detail, errors };
    return { status: this.status, type: problemType, body: JSON.stringify(body), headers };
  }
}

export const problemType = 'application/problem+json';

/** A field of the body that cannot be taken, though it has the right form. */
export function fieldProblem(field: string, detail: string): Problem {
  return new Problem(422, 'A value cannot be used', {
    detail: `${field}: ${detail}`,
    errors: [{ field, detail }],
  });
}

/** What does not exist, and what this caller may not see. */
export function notFound(what: string): Problem {
  return new Problem(404, 'There is no such thing', {
    detail: `${what}: does not exist, or you may not see it`,
  });
}

/** The caller sees it, and may not do this. */
export function forbidden(permission: string): Problem {
  return new Problem(403, 'You may not do this', { detail: `needs the permission ${permission}` });
}

/** It is taken, or in use. */
export function conflict(detail: string): Problem {
  return new Problem(409, 'This cannot be done as things are', { detail });
}
