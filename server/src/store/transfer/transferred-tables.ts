/** The tables of the Store and of the server that have data, each behind those that it refers to. */
export const transferredTables = [
  'settings',
  'users',
  'grants',
  'recovery_codes',
  'sessions',
  'devices',
  'former_devices',
  'audit',
  'fleet_calls',
  'fleet_domains',
  'fleet_devices',
  'fleet_tags',
  'fleet_search',
  'fleet_connections',
  'fleet_calendar',
  'fleet_traffic',
  'fleet_domain_traffic',
  'fleet_events',
  'fleet_event_ends',
  'fleet_groups',
  'fleet_members',
  'fleet_grants',
  'fleet_keys',
  'fleet_directory_members',
  'fleet_oidc_sessions',
  'fleet_people',
  'fleet_invitations',
  'fleet_preferences',
  'fleet_webhooks',
  'fleet_deliveries',
  'fleet_enrolment_keys',
  'fleet_enrolments',
  'fleet_host_keys',
] as const;

export type TransferredTable = (typeof transferredTables)[number];

/** Where the primary key is not the order in which rows can be added: a session comes after the one that it belongs to. */
export const orders: Readonly<Partial<Record<TransferredTable, readonly string[]>>> = {
  sessions: ['created', 'parent IS NOT NULL', 'hash'],
};

/** Tables of a data file that are not transferred: the change feed begins anew, and the rest is of the engine or the schema. */
export const isOfSqlite = (table: string) =>
  ['changes', 'fleet_schema', 'sqlite_sequence'].includes(table) || table.startsWith('fleet_trigram');

/** The same of PostgreSQL. */
export const ofPostgresql: readonly string[] = [
  'changes',
  'fleet_last_event',
  'fleet_nodes',
  'fleet_places',
  'fleet_presence',
  'fleet_presence_state',
  'last_change',
  'parts',
  // What nodes know together is of the moment.
  'shared_counts',
  'shared_epoch',
  'shared_jobs',
  'shared_used',
  'store',
];
