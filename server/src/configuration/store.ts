import { StoreError } from 'rm-reflector/ports';
import { ConfigurationError, type StoreSources } from 'rm-reflector/program';
import { type Static, Type } from 'typebox';
import { connectionOf, hasPassword, type PostgresqlAddress } from '../store/postgresql/connection.ts';
import { postgresqlLimits } from '../store/postgresql/limits.ts';
import { certificateIn } from './certificate-file.ts';
import { secretReader, secretSchema } from './secret.ts';

export const storeSchema = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      description: '`postgresql://USER@HOST:PORT/DATABASE`, without a password.',
    }),
    password: Type.Optional(secretSchema),
    tls: Type.Enum(['verify-full', 'off'], {
      default: 'verify-full',
      description: 'Whether the certificate of the database must be of the host in `url`.',
    }),
    ca: Type.Optional(
      Type.String({ minLength: 1, description: 'PEM file of its authorities; those of Node by default.' }),
    ),
    outage: Type.Integer({
      minimum: 0,
      maximum: 3_600,
      default: postgresqlLimits.outageMs / 1_000,
      description:
        'Seconds for which the sessions and rights that the server knows go on while the database is away.',
    }),
  },
  { description: 'PostgreSQL in the place of the data file.' },
);

export type StoreSettings = Static<typeof storeSchema>;

/**
 * The database that `--store` names, with the password and the rest of the key `store`; or that of the key; `null`: the data file is
 * used. The password is read anew for each connection. Throws `ConfigurationError`, also when a secret or a file is not there.
 */
export function storeAddress(
  store: StoreSettings | undefined,
  { given, file, environment }: Omit<StoreSources, 'file'> & { readonly file: string | null },
): PostgresqlAddress | null {
  const url = given?.value ?? store?.url;
  if (url === undefined) return null;
  const inFile = `${file ?? 'configuration'}: store`;
  const where = given?.name ?? `${inFile}.url`;
  if (hasPassword(url)) {
    throw new ConfigurationError(
      `${where}: has a password; put it into a file that others cannot read, and name it by "store": {"password": {"file": PATH}} in the configuration file`,
    );
  }
  const { password, tls, ca } = store ?? {};
  const read = password === undefined ? null : secretReader(password, `${inFile}.password`, environment);
  if (ca !== undefined) certificateIn(ca, `${inFile}.ca`);
  const address = {
    url,
    ...(read && { password: read }),
    ...(tls && { tls }),
    ...(ca !== undefined && { ca }),
  };
  try {
    connectionOf(address);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ConfigurationError(`${where}: ${error.message.replace('the database: ', '')}`);
  }
  return address;
}
