import type { ServerResponse } from 'node:http';
import { type Look, plainLook } from '../http/look.ts';
import { contentPolicy, type Frames, securityHeaders } from '../http/page.ts';
import type { Answer } from '../ports/routes.ts';

/** Fields that no route sets: those of the connection and of the message, and those that protect the host. */
const ofCore = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'set-cookie',
  'strict-transport-security',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers of the core come last, so that no route can replace them. */
export function sendAnswer(
  response: ServerResponse,
  { body = '', ...head }: Answer,
  frames?: Frames,
  look?: Look,
): void {
  if (head.status !== 204) response.setHeader('Content-Length', Buffer.byteLength(body));
  sendHead(response, head, frames, look);
  response.end(body);
}

/** `frames`: of an answer that is `framed`. `look`: of a page. */
export function sendHead(
  response: ServerResponse,
  answer: Omit<Answer, 'body'>,
  frames: Frames = {},
  look: Look = plainLook,
): void {
  const { status, type, headers = {}, cookies = [], maxAge = 0, formTargets = [], loads = [] } = answer;
  for (const [name, value] of Object.entries(headers)) {
    if (!ofCore.has(name.toLowerCase())) response.setHeader(name, value);
  }
  if (cookies.length > 0) response.setHeader('Set-Cookie', cookies);
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  if (maxAge > 0) response.setHeader('Cache-Control', `private, max-age=${Math.floor(maxAge)}`);
  const framed = answer.framed ? frames : {};
  if (formTargets.length > 0 || loads.length > 0 || answer.framed || look !== plainLook) {
    response.setHeader('Content-Security-Policy', contentPolicy(formTargets, loads, framed, look));
  }
  if (type !== undefined) response.setHeader('Content-Type', type);
  response.writeHead(status);
}
