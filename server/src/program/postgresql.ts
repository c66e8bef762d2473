import {
  CommandError,
  type CommandPlace,
  ExitStatus,
  type OtherStores,
  type StoreSources,
} from 'rm-reflector/program';
import { readOwnConfiguration } from '../configuration/configuration.ts';
import { storeAddress } from '../configuration/store.ts';
import type { PostgresqlAddress } from '../store/postgresql/connection.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';

/** For the commands `user` and `device`. */
export const postgresqlStores: OtherStores = {
  help: 'PostgreSQL database in its place, postgresql://USER@HOST:PORT/DATABASE',
  chosen: (sources) => {
    const address = addressOf(sources);
    return address && ((warn) => PostgresqlStore.open({ ...address, warn }));
  },
};

/** Throws `ConfigurationError`. */
export function addressOf({ given, file, environment }: StoreSources): PostgresqlAddress | null {
  const { store } = readOwnConfiguration({ store: file?.values.get('store') }, file?.path ?? null);
  return storeAddress(store, { given, file: file?.path ?? null, environment });
}

/** Throws `CommandError` where the data are in PostgreSQL, which has programs of its own for this. */
export function mustBeFile(command: string, { sources }: CommandPlace, program: string): void {
  const address = addressOf(sources);
  if (!address) return;
  throw new CommandError(
    ExitStatus.failed,
    `${command}: the data are in ${address.url}, not in a file: use ${program} of PostgreSQL`,
  );
}
