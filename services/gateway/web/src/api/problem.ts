/** What the API says when it refuses: a problem (RFC 9457) as an error. */

export interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly loc: readonly (string | number)[]; readonly msg: string }[];
}

/** A request was answered with a problem, or (status 0) not at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** What the server asks to wait; 0 when it doesn't say. */
  readonly retryAfterSeconds: number;

  constructor(body: ProblemBody, retryAfterSeconds = 0) {
    super(body.errors?.length ? body.errors.map((fault) => fault.msg).join('; ') : body.detail);
    this.status = body.status;
    this.code = body.code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** The problem of an answer that isn't a success. */
export function problemOf(response: Response, body: unknown): Problem {
  const told = body as Partial<ProblemBody> | undefined;
  return new Problem(
    {
      status: response.status,
      code: told?.code ?? 'unknown',
      detail: told?.detail ?? response.statusText,
      errors: told?.errors,
    },
    Number(response.headers.get('retry-after') ?? 0),
  );
}

/** Any failure of a call as a problem: what isn't one yet is a broken connection. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({ status: 0, code: 'unreachable', detail: String(error) });
}
