/** The ports: what an adapter in another package implements. `docs/ports/` describes them. */
export type { Refusal } from '../http/refusal.ts';
export * from './authenticators.ts';
export * from './channel-failure.ts';
export * from './device-admission.ts';
export * from './events.ts';
export * from './eventual.ts';
export * from './further-log-out.ts';
export * from './identity.ts';
export * from './presence.ts';
export * from './response-cache.ts';
export * from './rights.ts';
export * from './routes.ts';
export * from './shared-state.ts';
export * from './store.ts';
export * from './tunnel-end.ts';
