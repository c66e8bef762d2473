/**
 * What an answer means that a proxy in front of the reflector has given in its place, for the person; `null` where nothing
 * speaks for one. A reflector puts its reason into `X-PTTH-Error`, names no server software, and sends no HTML to a program.
 */
export function proxyFault(status: number, header: (name: string) => string | undefined): string | null {
  if (status !== 502 && status !== 503 && status !== 504) return null;
  const name = header('via') ?? header('server');
  if (name === undefined && !/^text\/html\b/i.test(header('content-type') ?? '')) return null;
  const proxy = name === undefined ? 'a proxy' : `a proxy (${name})`;
  return `${proxy} answered ${status} in place of the reflector: it does not reach it, or not in time`;
}
