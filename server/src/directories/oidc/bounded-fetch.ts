/**
 * As `fetch`, but the body of the answer is read at once and is at most so long, redirects are not followed, and the connection
 * is used once: on one that was kept, a POST fails when the other side has just given it up.
 */
export async function boundedFetch(url: string, options: RequestInit, maxBytes: number): Promise<Response> {
  const request = new Headers(options.headers);
  request.set('connection', 'close');
  const { status, headers, body } = await fetch(url, { ...options, headers: request, redirect: 'manual' });
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.byteLength;
    // Leaving the loop ends the connection.
    if (length > maxBytes) throw new TypeError(`an answer of more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  const empty = [101, 204, 205, 304].includes(status);
  return new Response(empty ? null : Buffer.concat(pieces), { status, headers });
}
