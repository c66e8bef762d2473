import type { ServerResponse } from 'node:http';

/** Answers with JSON and a status. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

/** Answers with an error; the connection ends, because part of the request may be unread. */
export function sendError(response: ServerResponse, status: number, error: string): void {
  response.setHeader('Connection', 'close');
  sendJson(response, status, { error });
}
