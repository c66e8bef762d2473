import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from './limits.ts';
import { sendError } from './respond.ts';

/** What happened, as server-sent events (WHATWG HTML section 9.2). */
export class EventLog {
  readonly #events: { readonly id: number; readonly line: string }[] = [];
  readonly #readers = new Set<ServerResponse>();
  readonly #beat: NodeJS.Timeout;
  /** Above every id from before a restart, so that a reader that comes back misses nothing. */
  #nextId = Date.now();

  constructor() {
    // Below the 60 s after which many proxies give up on a connection.
    this.#beat = setInterval(() => this.#send(': still here\n\n'), 15_000);
    this.#beat.unref();
  }

  /** Tells all readers, and keeps the event for those that come late. */
  add(text: string, date: Date): void {
    const id = this.#nextId++;
    const line = `id: ${id}\ndata: ${JSON.stringify({ id, time: date.toISOString(), text })}\n\n`;
    this.#events.push({ id, line });
    if (this.#events.length > limits.events) this.#events.shift();
    this.#send(line);
  }

  /** Answers with the stream: first what the reader has missed, then what happens. */
  stream(request: IncomingMessage, response: ServerResponse): void {
    if (this.#readers.size >= limits.streams) {
      sendError(response, 503, 'too many event streams');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const seen = Number(request.headers['last-event-id'] ?? 0);
    const missed = this.#events.filter(({ id }) => !(id <= seen));
    response.write(`retry: 2000\n\n${missed.map(({ line }) => line).join('')}`);
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
  }

  close(): void {
    clearInterval(this.#beat);
    for (const reader of this.#readers) reader.end();
  }

  #send(text: string): void {
    for (const reader of this.#readers) {
      // A reader that does not read comes back with the id of the last event that it saw.
      if (reader.writableLength > limits.feedBacklogBytes) reader.destroy();
      else reader.write(text);
    }
  }
}
