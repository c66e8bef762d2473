import type { ServerResponse } from 'node:http';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { cutResponse } from '../../http/break-off.ts';

/**
 * A device's response for the user. It keeps the last piece until {@link UserResponse.end}, so that an incomplete response
 * never looks complete.
 */
export class UserResponse {
  readonly #response: ServerResponse;
  #begun = false;
  #last: Buffer | null = null;

  /** `drained`: more of the body may be written. */
  constructor(response: ServerResponse, drained: () => void) {
    this.#response = response;
    response.on('drain', drained);
  }

  /** `lines`: the head for the user, as names and values in turn. */
  begin(
    { status, reason, framing, length }: Pick<ResponseHead, 'status' | 'reason' | 'framing' | 'length'>,
    lines: readonly string[],
  ): void {
    const response = this.#response;
    const trailers = framing === 'chunked' && response.req.httpVersionMinor > 0;
    response.writeHead(status, reason, fileNameFirst(trailers ? lines : withoutTrailer(lines)));
    if (framing === 'none' || (framing === 'length' && length === 0)) return;
    // Head and body go out together, unless the body does not come at once (server-sent events).
    setImmediate(() => {
      if (!this.#begun && !response.destroyed && !response.writableEnded) response.flushHeaders();
    });
  }

  /** False: wait until it has drained. `last`: the user can tell by the length that this is the end. */
  write(piece: Buffer, last: boolean): boolean {
    if (last) {
      this.#last = piece;
      return true;
    }
    this.#begun = true;
    return this.#response.write(piece);
  }

  trailers(fields: [string, string][]): void {
    if (fields.length > 0) this.#response.addTrailers(fields);
  }

  end(): void {
    this.#begun = true;
    if (this.#last) this.#response.end(this.#last);
    else this.#response.end();
  }

  /** Ends an incomplete response. */
  cut(): void {
    cutResponse(this.#response);
  }
}

/** Only a chunked body has trailers. With another body, `node:http` refuses to write a head with `Trailer`. */
function withoutTrailer(lines: readonly string[]): readonly string[] {
  if (!lines.some((name, i) => i % 2 === 0 && name.length === 7 && name.toLowerCase() === 'trailer'))
    return lines;
  return lines.filter((_line, i) => lines[i - (i % 2)]?.toLowerCase() !== 'trailer');
}

/**
 * After a `Content-Length`, `node:http` treats `Content-Disposition` as UTF-8: it would change a file name with umlauts, and
 * throw at a Chinese one. Before it, the bytes stay as they are.
 */
function fileNameFirst(lines: readonly string[]): string[] {
  const result = [...lines];
  for (let i = 2; i < result.length; i += 2) {
    if (result[i]?.length !== 19 || result[i]?.toLowerCase() !== 'content-disposition') continue;
    result.unshift(...result.splice(i, 2));
  }
  return result;
}
