/** The Store port on PostgreSQL, for `startReflector({ store })`. */
export { UnstorableText } from 'rm-reflector/ports';
export type { PostgresqlAddress } from './connection.ts';
export { type PostgresqlLimits, postgresqlLimits } from './limits.ts';
export { type PostgresqlOptions, PostgresqlStore } from './postgresql-store.ts';
