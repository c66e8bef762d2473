import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { RevocationWatcher } from '../access/revocation-watcher.ts';
import type { Holder } from '../access/standing.ts';
import { ownPassword } from '../authentication/password-authenticator.ts';
import { isBrowser } from '../http/browser.ts';
import type { Origin } from '../http/origin.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import type { DeviceHost } from '../isolation/device-log-in.ts';
import type { Limits } from '../limits.ts';
import type { Identity } from '../ports/identity.ts';
import { openedPort } from '../rights/opened-port.ts';
import type { Authorized } from './authorize.ts';
import type { Located } from './locate.ts';

/** Authenticators whose sessions are in our store: the change feed tells of their ends. */
const ownSessions: ReadonlySet<string> = new Set(['session', 'token']);

/** Characters. Longer credentials are proven each time, because every connection would keep them. */
const longestCredentials = 4_096;

/** Everything of a request on which it depends who asks and whether they see the device. */
interface Asked {
  readonly label: string;
  readonly protocol: Origin['protocol'];
  readonly address: string;
  readonly cookie: string | undefined;
  readonly credentials: readonly (string | string[] | undefined)[];
  readonly browser: boolean;
}

/** A decision to let somebody in. */
interface Decision {
  readonly authorized: Authorized;
  readonly holder: Holder;
  /** `RevocationWatcher.revision` from before it. */
  readonly since: number;
  /** By the clock's `now`. */
  readonly began: number;
  /** Wall-clock ms. */
  readonly until: number;
}

interface Known {
  readonly asked: Asked;
  /** `null`: was let in once; most connections ask no second time. */
  readonly decision: Decision | null;
}

export interface KnownConnectionsContext {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'storePollMs'>;
  readonly revocation: Pick<RevocationWatcher<Holder>, 'isUnchanged' | 'lastsUntil'>;
}

/**
 * Who was let in to a device on a connection, so that the same credentials on it need not be proven for each request. What was
 * decided counts for `limits.storePollMs`, and not any longer than it would keep a download alive: the change feed and the
 * ends of sessions and rights end it at once. Only proofs of our own store count, because the feed tells nothing of others. Where a request
 * comes from is judged each time.
 */
export class KnownConnections {
  readonly #context: KnownConnectionsContext;
  readonly #known = new WeakMap<Duplex, Known>();

  constructor(context: KnownConnectionsContext) {
    this.#context = context;
  }

  /** What was decided about an equal request on this connection, if deciding again would give the same. */
  recall(request: IncomingMessage, host: DeviceHost, origin: Origin): Decision | null {
    const known = this.#known.get(request.socket);
    const decision = known?.decision;
    if (!decision) return null;
    const { clock, limits, revocation } = this.#context;
    const { began, until, holder, since, authorized } = decision;
    if (clock.now() - began >= limits.storePollMs || clock.date() >= until) return null;
    if (!isSame(known.asked, askedBy(request, host, origin))) return null;
    if (crossOriginRefusal(request, origin, authorized.identity)) return null;
    return revocation.isUnchanged(holder, since) ? decision : null;
  }

  /** Keeps a decision, the second time that it was made. `began`: the clock's `now` from before it. */
  keep(
    request: IncomingMessage,
    host: DeviceHost,
    origin: Origin,
    located: Located,
    made: Pick<Decision, 'since' | 'began'>,
  ): void {
    const { device, port, identity, label, named, access } = located;
    // Without `...`, as `locate`.
    const authorized = { identity, label, named, access };
    const asked = askedBy(request, host, origin);
    const { socket } = request;
    if (!asked || port === null || !isOfOurStore(authorized.identity) || isLong(asked)) {
      this.#known.delete(socket);
      return;
    }
    const before = this.#known.get(socket);
    const known: Known = { asked, decision: null };
    this.#known.set(socket, known);
    if (!before || !isSame(before.asked, asked)) return;
    const holder = {
      kind: 'user',
      identity: authorized.identity,
      // Not the tunnel, which would stay as long as the user's connection.
      device: { id: device.id, uid: device.uid },
      opened: openedPort(device, port),
    } as const;
    // Without an answer, the next request is decided as the first one was.
    this.#context.revocation.lastsUntil(holder).then(
      (until) => {
        if (until === null || this.#known.get(socket) !== known) return;
        this.#known.set(socket, { asked, decision: { authorized, holder, until, ...made } });
      },
      () => {},
    );
  }

  /** Somebody was refused on this connection: whoever asks next has to prove themselves. */
  forget(connection: Duplex): void {
    this.#known.delete(connection);
  }
}

function isOfOurStore({ session, credential, by }: Identity): boolean {
  if (credential === 'password') return by === ownPassword;
  return session !== null && ownSessions.has(by);
}

function isLong({ cookie = '', credentials }: Asked): boolean {
  const all = credentials.flatMap((value) => value ?? []);
  return all.reduce((sum, { length }) => sum + length, cookie.length) > longestCredentials;
}

/** `null` on a shared host, where the session names the device. */
function askedBy(request: IncomingMessage, host: DeviceHost, { protocol, address }: Origin): Asked | null {
  if (host.kind === 'shared') return null;
  const { headers } = request;
  return {
    label: host.label,
    protocol,
    address,
    cookie: headers.cookie,
    credentials: [headers['x-ptth-authorization'], headers['proxy-authorization'], headers.authorization],
    browser: isBrowser(request),
  };
}

function isSame(one: Asked, other: Asked | null): boolean {
  return (
    other !== null &&
    one.label === other.label &&
    one.protocol === other.protocol &&
    one.address === other.address &&
    one.cookie === other.cookie &&
    one.browser === other.browser &&
    one.credentials.every((value, i) => value === other.credentials[i])
  );
}
