import {
  encodeBasic,
  encodeRequestHead,
  type HttpUri,
  ProtocolError,
  type ResponseHead,
} from '../protocol/index.ts';
import { ResponseReader } from './response-reader.ts';
import type { ProxySettings } from './settings.ts';

/** Asks an HTTP proxy for a tunnel to the host of a URI (RFC 9110 section 9.3.6): sans-IO. */
export class HttpConnect {
  readonly request: Uint8Array;
  readonly #reader: ResponseReader;

  constructor({ host, port }: HttpUri, { credentials }: ProxySettings, headBytes: number) {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#reader = new ResponseReader(headBytes);
    this.request = encodeRequestHead('CONNECT', authority, [
      ['Host', authority],
      ...(credentials ? [['Proxy-Authorization', encodeBasic(credentials)] as const] : []),
    ]);
  }

  /** The answer, or `null` when more is to come. Throws {@link ProtocolError}. */
  receive(bytes: Uint8Array, start: number, end: number): ResponseHead | null {
    const read = this.#reader.push(bytes, start, end);
    if (!read) return null;
    const { response, rest } = read;
    // It is ours to speak first, in TLS as in HTTP.
    if (response.status >= 200 && response.status < 300 && rest < end) {
      throw new ProtocolError('RM_HTTP_HEAD', 'unasked bytes behind the answer to CONNECT');
    }
    return response;
  }
}
