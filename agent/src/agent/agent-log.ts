import type { Extension } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { FailureKind } from '../dial/back-off.ts';
import { reasons } from '../dial/routes.ts';
import type { Clock } from '../host.ts';
import type { Upgraded } from '../link/attempt.ts';
import type { Log } from '../log/log.ts';
import { RepeatFilter } from '../log/repeat-filter.ts';
import type { Channel } from '../tunnel/channel.ts';
import { portLabel } from './port-label.ts';

/** A tunnel that ends sooner is part of the outage before it, so that a link that comes and goes does not fill the log: 1 h. */
const LASTING_MS = 3_600_000;

/** What the agent logs of itself: one line for each event, without repeats. */
export class AgentLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #names: ReadonlyMap<number, string | null>;
  readonly #outage = new RepeatFilter();
  #lastFailures = '';
  #connectedAt = 0;
  /** The log has said that there is no tunnel. */
  #reportedDown = false;

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
    const through = proxy === null ? '' : ` through proxy ${proxy}`;
    const flow = extension ? `windows of ${extension.window} bytes` : 'no extension';
    const shortened =
      keepAliveMs < agreedMs ? ` in place of ${agreedMs / 1000} s, because silent links were cut` : '';
    const text = `connected to ${reflector}${through} (${flow}, keep-alive ${keepAliveMs / 1000} s${shortened})`;
    this.#connectedAt = this.#clock.now();
    const isNew = this.#outage.isNew(text, this.#connectedAt);
    if (isNew || this.#reportedDown) this.#log.info(text);
    else this.#log.debug?.(text);
    this.#reportedDown = false;
  }

  /** What had to be given up before the reflector that is in use now; `most` bounds the text. */
  triedFirst({ failures }: Upgraded, most: number): void {
    const text = reasons(failures, most);
    // A first choice that is away for a week is one line, not one for each time we come back.
    if (text !== '' && text !== this.#lastFailures) this.#log.warning(`tried first: ${text}`);
    this.#lastFailures = text;
  }

  disconnected(wasConnected: boolean, reason: string, kind: FailureKind, retryMs: number | null): void {
    const wait = retryMs === null ? '' : `; next attempt in ${(retryMs / 1000).toFixed(1)} s`;
    const text = `${wasConnected ? 'disconnected' : 'not connected'}: ${reason}${wait}`;
    const now = this.#clock.now();
    if (wasConnected && now - this.#connectedAt >= LASTING_MS) this.#outage.end();
    if (this.#outage.isNew(reason, now, kind)) this.#warn(text);
    else if (wasConnected && this.#outage.isNew(`again: ${reason}`, now, kind))
      this.#warn(`${text}; the like is told no more today, unless a tunnel lasts an hour`);
    else this.#log.debug?.(text);
  }

  /** The agent was stopped or disabled. */
  ended(): void {
    this.#outage.end();
  }

  #warn(text: string): void {
    this.#reportedDown = true;
    this.#log.warning(text);
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
    return portLabel(port, this.#names.get(port));
  }
}
