import type { ServerResponse } from 'node:http';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { cutResponse } from '../../http/break-off.ts';

/**
 * A device's response on its way to the user, who learns that it is whole only by {@link UserResponse.end}: until then
 * the last piece stays here.
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
  begin({ status, reason, framing, length }: ResponseHead, lines: readonly string[]): void {
    const response = this.#response;
    const trailers = framing === 'chunked' && response.req.httpVersionMinor > 0;
    response.writeHead(status, reason, fileNameFirst(trailers ? lines : withoutTrailer(lines)));
    if (framing === 'none' || (framing === 'length' && length === 0)) return;
    // A head whose body does not come at once (server-sent events) leaves at once; otherwise both leave together.
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

  /** Ends a response that is not whole. */
  cut(): void {
    cutResponse(this.#response);
  }
}

/** `Trailer` announces what only a chunked body can have; beside another, `node:http` refuses to write the head. */
function withoutTrailer(lines: readonly string[]): string[] {
  return lines.filter((_line, i) => lines[i - (i % 2)]?.toLowerCase() !== 'trailer');
}

/**
 * Behind a `Content-Length`, `node:http` takes the bytes of `Content-Disposition` for UTF-8: it would change the name of a
 * file with umlauts, and throw at a Chinese one. Before it they stay as they are.
 */
function fileNameFirst(lines: readonly string[]): string[] {
  const result = [...lines];
  for (let i = 2; i < result.length; i += 2) {
    if (result[i]?.length !== 19 || result[i]?.toLowerCase() !== 'content-disposition') continue;
    result.unshift(...result.splice(i, 2));
  }
  return result;
}
