/** Host and port of `HOST:PORT`, which a schema has taken; an IPv6 address is without its brackets. */
export function hostAndPort(place: string): { readonly host: string; readonly port: number } {
  const at = place.lastIndexOf(':');
  return { host: place.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(place.slice(at + 1)) };
}
