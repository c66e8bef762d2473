import type { System } from '../host.ts';

/** The variables that may name the proxy for `http:` URIs, in the order in which they count. */
export const plainProxyVariables = ['http_proxy', 'all_proxy', 'ALL_PROXY'] as const;
/** The same for `https:` URIs. */
export const secureProxyVariables = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;

/**
 * The variables that hold a user or password for a proxy. `HTTP_PROXY` is one of them: it is not read here, but has what
 * `http_proxy` has.
 */
export function secretVariables(system: Pick<System, 'environment'>): readonly string[] {
  return [...new Set([...plainProxyVariables, ...secureProxyVariables, 'HTTP_PROXY'])].filter((name) =>
    system.environment(name)?.includes('@'),
  );
}
