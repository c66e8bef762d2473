/** The relay between nodes: channels to devices whose tunnels end in another process. `docs/relay.md` describes it. */
export type { Place } from './dialed-channel.ts';
export type { NodeLife } from './hello.ts';
export type { Peer } from './peer-link.ts';
export { RelayDialer, type RelayDialerOptions, type RelayOpenOptions } from './relay-dialer.ts';
export type { RelayTarget } from './relay-frame.ts';
export { RelayListener, type RelayListenerOptions } from './relay-listener.ts';
export type { RelayTls } from './tls.ts';
