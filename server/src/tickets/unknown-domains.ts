import type { Logger } from 'pino';
import type { OwnConfiguration } from '../configuration/schema.ts';

/** Keys of the configuration whose members are IDs of domains. */
const keys = ['desktop', 'recording', 'terminal'] as const;

/**
 * Says in the log which domains the configuration names that do not exist. Their IDs distinguish case, so that a typing error would
 * record nothing, and nobody would be told. `createdOf`: has those of a list that exist.
 */
export async function warnOfUnknownDomains(
  configuration: Pick<OwnConfiguration, (typeof keys)[number]>,
  createdOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, unknown>>,
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  const named = keys.flatMap((key) =>
    Object.keys(configuration[key]?.domains ?? {}).map((domain) => ({ key: `${key}.domains`, domain })),
  );
  if (named.length === 0) return;
  const known = await createdOf(named.map(({ domain }) => domain));
  for (const one of named)
    if (!known.has(one.domain)) log.warn(one, 'the configuration names a domain that does not exist');
}
