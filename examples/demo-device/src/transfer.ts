import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits } from './limits.ts';
import { pattern, patternSha256 } from './pattern.ts';
import { parseRange } from './range.ts';
import { sendError, sendJson } from './respond.ts';

const defaultDownloadBytes = 268_435_456;

/** Takes a body of any length, hashes it as it comes, and keeps nothing of it. */
export async function upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  const start = performance.now();
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  sendJson(response, 200, {
    bytes,
    sha256: hash.digest('hex'),
    milliseconds: Math.round(performance.now() - start),
  });
}

/** `?bytes=N`; `null` when it is not a number within the bound. */
function requestedBytes(query: URLSearchParams): number | null {
  const text = query.get('bytes') ?? String(defaultDownloadBytes);
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  return bytes < 0 || bytes > limits.downloadBytes ? null : bytes;
}

const badSize = `bytes must be an integer from 0 to ${limits.downloadBytes}`;

/** Size and SHA-256 of a download. */
export async function describeDownload(query: URLSearchParams, response: ServerResponse): Promise<void> {
  const bytes = requestedBytes(query);
  if (bytes === null) sendError(response, 400, badSize);
  else sendJson(response, 200, { bytes, sha256: await patternSha256(bytes) });
}

/** Sends the pattern, or one range of it, at the pace of the reader. */
export async function download(
  request: IncomingMessage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const bytes = requestedBytes(query);
  if (bytes === null) {
    sendError(response, 400, badSize);
    return;
  }
  const etag = `"pattern-${bytes}"`;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  const { range: rangeHeader, 'if-range': ifRange } = request.headers;
  const wanted = rangeHeader !== undefined && (ifRange === undefined || ifRange === etag);
  const range = wanted ? parseRange(rangeHeader, bytes) : null;
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${bytes}`);
    sendError(response, 416, `the content has ${bytes} bytes`);
    return;
  }
  const { start, end } = range ?? { start: 0, end: bytes };
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${bytes}`);
  response.writeHead(range === null ? 200 : 206, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': end - start,
    'Content-Disposition': `attachment; filename="pattern-${bytes}.bin"`,
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(Readable.from(pattern(start, end), { objectMode: true, highWaterMark: 2 }), response);
}
