import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { networksOf, plainAddress } from '../network/addresses.ts';

interface Failures {
  /** Those that no line stands for yet. */
  times: number;
  readonly address: string;
  readonly reason: string;
}

/**
 * Logs TLS handshakes that fail: mostly devices that do not trust the reflector's certificate, which would otherwise show
 * in their own logs only. One line for each network and reason, and one with the number of those that followed, once in
 * `limits.handshakeQuietMs`.
 */
export class HandshakeFailures {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'handshakeQuietMs' | 'handshakeKinds'>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #words: { readonly first: string; readonly further: string };
  readonly #failures = new Map<string, Failures>();
  #sumTimer: Cancellable | null = null;

  /** `words`: the messages of the two lines. */
  constructor(
    clock: Clock,
    limits: Pick<Limits, 'handshakeQuietMs' | 'handshakeKinds'>,
    log: Pick<Logger, 'warn'>,
    words = { first: 'TLS handshake failed', further: 'further TLS handshakes failed in this network' },
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
    this.#words = words;
  }

  watch(server: Pick<Server, 'on'>): void {
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.add(addressOf(socket), reasonOf(error));
    });
  }

  add(remoteAddress: string, reason: string): void {
    const address = plainAddress(remoteAddress);
    const key = JSON.stringify([networksOf(address)[0], reason]);
    const known = this.#failures.get(key);
    if (known) {
      known.times++;
      return;
    }
    if (this.#failures.size >= this.#limits.handshakeKinds) return;
    this.#failures.set(key, { times: 0, address, reason });
    this.#log.warn({ address, reason }, this.#words.first);
    this.#sumTimer ??= this.#clock.schedule(this.#limits.handshakeQuietMs, () => this.#sum());
  }

  stop(): void {
    this.#sumTimer?.cancel();
    this.#sumTimer = null;
    this.#sum();
  }

  #sum(): void {
    this.#sumTimer = null;
    for (const { times, address, reason } of this.#failures.values()) {
      if (times > 0) this.#log.warn({ address, reason, times }, this.#words.further);
    }
    this.#failures.clear();
  }
}

/** A socket of TLS that has been closed does not know its peer any more; the one under it does, also whom a proxy has named. */
function addressOf(socket: Socket): string {
  const { _parent: under } = socket as { readonly _parent?: Socket };
  return under?.remoteAddress ?? socket.remoteAddress ?? '';
}

/** Names of alerts (RFC 8446 section 6.2) as OpenSSL writes them, and what else ends a handshake. */
export function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  const alert = /(?:^|_)ALERT_(\w+)$/.exec(code)?.[1];
  if (alert !== undefined) return `alert ${alert.toLowerCase()}`;
  if (code === 'ECONNRESET') return 'connection closed during the handshake';
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'no handshake in time';
  const library = /^ERR_SSL_(\w+)$/.exec(code)?.[1];
  return library?.toLowerCase().replaceAll('_', ' ') ?? (code || message);
}
