import type { ServerResponse } from 'node:http';
import type { StoredAnswer } from '../../ports/response-cache.ts';
import { answerHead } from './answer-head.ts';
import type { DeviceExchange } from './exchange.ts';
import { UserResponse } from './user-response.ts';

/** Sends an answer that was kept, as fast as the user takes it. `added`: further lines for the user. */
export function sendStored(
  exchange: Pick<DeviceExchange, 'request' | 'site' | 'shared'>,
  response: ServerResponse,
  { status, reason, headers, body }: StoredAnswer,
  added: readonly string[],
): void {
  const lines = answerHead(exchange, status, headers);
  // Only an answer with `Location` is refused, and none of these is kept.
  if ('error' in lines) throw new Error(`a kept answer with a redirect: ${lines.error}`);
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  let next = 0;
  const pump = () => {
    while (next < body.length && !response.destroyed) {
      const piece = body[next++];
      if (piece && !answer.write(piece, next === body.length)) return;
    }
    if (next === body.length && !response.writableEnded) answer.end();
  };
  const answer = new UserResponse(response, pump);
  answer.begin({ status, reason, framing: status === 304 ? 'none' : 'length', length }, [...lines, ...added]);
  pump();
}
