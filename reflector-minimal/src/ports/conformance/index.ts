/** What every adapter of a port keeps to. Call the function of your port in a test file; vitest is a peer dependency. */
export * from './authenticators.ts';
export * from './fake-tunnel.ts';
export * from './presence.ts';
export * from './rights.ts';
export * from './routes.ts';
export * from './shared-state.ts';
export * from './store.ts';
