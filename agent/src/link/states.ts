import type { Step } from '../dial/steps.ts';

/**
 * The states of a link. Those between `preparing` and `live` are the steps of an attempt. One timer serves them all; only
 * the race of `connecting` has a second, a quarter of a second long, after which it dials one address more.
 *
 * | state        | what the link does there                                      | what its one timer means            |
 * | ------------ | ------------------------------------------------------------- | ----------------------------------- |
 * | `idle`       | nothing: it was not started, or was stopped                   | none                                |
 * | `preparing`  | reads secrets, files and properties for the next attempt      | none; commands have limits          |
 * | `resolving`  | looks up the name of the reflector or proxy                   | the step has taken too long         |
 * | `connecting` | dials TCP: a race, which has a timer for the next address too | the step has taken too long         |
 * | `proxy`      | asks a proxy for a connection                                 | the step has taken too long         |
 * | `tls`        | shakes hands with the proxy or the reflector                  | the step has taken too long         |
 * | `upgrade`    | waits for the reflector's answer to the upgrade               | the step has taken too long         |
 * | `live`       | carries a tunnel                                              | the liveness is to be checked       |
 * | `closing`    | has sent a close frame, waits for the end of the connection   | the reflector has not answered      |
 * | `waiting`    | waits for the next attempt                                    | the next attempt                    |
 * | `disabled`   | nothing: remote access is disabled                            | none                                |
 */
export type LinkState = 'idle' | 'preparing' | Step | 'live' | 'closing' | 'waiting' | 'disabled';

/** What happens to a link. A step of the attempt is an event of the same name. */
export type LinkEvent =
  /** An attempt is wanted: by `start`, by the timer of `waiting`, or because something ends the wait. */
  | 'dial'
  | Step
  | 'upgraded'
  /** A close frame goes out, of ours or as answer to the reflector's. */
  | 'close'
  /** The attempt has failed, or the connection is gone. */
  | 'lost'
  /** The link is to stay down, and nothing of it is open any more. */
  | 'stop'
  | 'disable';

type Row = { readonly [Event in LinkEvent]?: LinkState };

const down = { stop: 'idle', disable: 'disabled' } as const satisfies Row;
/** In any step the attempt may fail, or begin again with the next proxy or reflector. */
const attempt = { resolving: 'resolving', lost: 'waiting', ...down } as const satisfies Row;
/** Where one address, or one answer of a proxy, is not the end of it. */
const redial = { ...attempt, connecting: 'connecting' } as const satisfies Row;

/** Which event leads where. What is not in it is a bug of ours, and throws. */
export const transitions: { readonly [State in LinkState]: Row } = {
  idle: { dial: 'preparing', ...down },
  preparing: { resolving: 'resolving', lost: 'waiting', ...down },
  resolving: redial,
  connecting: { ...redial, proxy: 'proxy', tls: 'tls', upgrade: 'upgrade' },
  proxy: { ...redial, tls: 'tls', upgrade: 'upgrade' },
  tls: { ...redial, proxy: 'proxy', upgrade: 'upgrade' },
  upgrade: { ...attempt, upgraded: 'live' },
  live: { close: 'closing', lost: 'waiting' },
  closing: { lost: 'waiting', ...down },
  waiting: { dial: 'preparing', ...down },
  disabled: { dial: 'preparing', ...down },
};

/** The state after `event`. Throws when `state` does not know it. */
export function nextState(state: LinkState, event: LinkEvent): LinkState {
  const next = transitions[state][event];
  if (next === undefined) throw new Error(`link: "${event}" in state ${state}`);
  return next;
}
