import { HeadReader, ProtocolError, type ResponseHead } from 'rm-protocol';

/** Interim responses that may precede the final one; real servers send one or two. */
const MAX_INTERIM = 16;

/** Reads the final response to one request; interim ones before it (RFC 9110 section 15.2) are passed over. */
export class ResponseReader {
  readonly #headBytes: number;
  #head: HeadReader;
  #interim = 0;

  /** `headBytes` bounds each head. */
  constructor(headBytes: number) {
    this.#headBytes = headBytes;
    this.#head = new HeadReader(headBytes);
  }

  /** The final response and the index of the first byte behind its head, or `null` when more is to come. */
  push(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): { readonly response: ResponseHead; readonly rest: number } | null {
    for (let at = start; ; ) {
      const rest = this.#head.push(bytes, at, end);
      if (rest < 0) return null;
      const response = this.#head.response();
      if (response.status === 101 || response.status >= 200) return { response, rest };
      if (++this.#interim > MAX_INTERIM) {
        throw new ProtocolError('RM_HTTP_HEAD', `more than ${MAX_INTERIM} interim responses`);
      }
      this.#head = new HeadReader(this.#headBytes);
      if (rest === end) return null;
      at = rest;
    }
  }
}
