/** What the configuration says for one domain, by whose ID somebody else may have named it; `undefined`: nothing. */
export function ofDomain<Value>(
  domains: Readonly<Record<string, Value>> | undefined,
  domain: string,
): Value | undefined {
  return domains && Object.hasOwn(domains, domain) ? domains[domain] : undefined;
}
