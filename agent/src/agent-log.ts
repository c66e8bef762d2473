import type { Configuration } from './config/configuration.ts';
import type { Clock } from './host/host.ts';
import type { Upgraded } from './link/attempt.ts';
import { reasons } from './link/candidates.ts';
import type { Log } from './log/log.ts';
import { OutageNews } from './log/outage.ts';
import type { Extension } from './protocol/index.ts';
import type { Channel } from './tunnel/channel.ts';

/** What the agent tells of itself in words: one line for each event, and which of them are no news. */
export class AgentLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #names: ReadonlyMap<number, string | null>;
  readonly #outage = new OutageNews();
  #lastFailures = '';

  constructor(log: Log, clock: Clock, { services }: Configuration) {
    this.#log = log;
    this.#clock = clock;
    this.#names = new Map(services.map(({ port, name }) => [port, name]));
  }

  connected(
    reflector: string,
    proxy: string | null,
    extension: Extension | null,
    agreedMs: number,
    keepAliveMs: number,
  ): void {
    this.#outage.end();
    const way = proxy === null ? '' : ` through proxy ${proxy}`;
    const flow = extension ? `windows of ${extension.window} bytes` : 'no extension';
    const shortened =
      keepAliveMs < agreedMs ? ` in place of ${agreedMs / 1000} s, because silent links were cut` : '';
    this.#log.info(
      `connected to ${reflector}${way} (${flow}, keep-alive ${keepAliveMs / 1000} s${shortened})`,
    );
  }

  /** What had to be given up before the reflector that is in use now; `most` bounds the text. */
  triedFirst({ failures }: Upgraded, most: number): void {
    const text = reasons(failures, most);
    // A first choice that is away for a week is one line, not one for each time we come back.
    if (text !== '' && text !== this.#lastFailures) this.#log.warning(`tried first: ${text}`);
    this.#lastFailures = text;
  }

  disconnected(wasConnected: boolean, reason: string, retryMs: number | null): void {
    const wait = retryMs === null ? '' : `; next attempt in ${(retryMs / 1000).toFixed(1)} s`;
    const text = `${wasConnected ? 'disconnected' : 'not connected'}: ${reason}${wait}`;
    if (this.#outage.isNews(reason, this.#clock.now())) this.#log.warning(text);
    else this.#log.debug?.(text);
  }

  opened({ number, port }: Channel): void {
    this.#log.debug?.(`channel ${number} to ${this.#label(port)} opened`);
  }

  closed({ number, port, received, sent }: Channel, error: string | null): void {
    const why = error === null ? '' : `: ${error}`;
    this.#log.debug?.(
      `channel ${number} to ${this.#label(port)} ended (${received} bytes in, ${sent} out)${why}`,
    );
  }

  access(detail: string, port: number | null): void {
    this.#log.info(`access${port === null ? '' : ` to ${this.#label(port)}`} ${detail}`);
  }

  /** A port as the person who has named its service knows it. */
  #label(port: number): string {
    const name = this.#names.get(port);
    return name ? `port ${port} (${name})` : `port ${port}`;
  }
}
