/**
 * The message for a response that comes from a proxy in front of the reflector; `null` if it does not look like one. A
 * reflector sets `X-PTTH-Error`, names no server software, and sends no HTML to a program.
 */
export function proxyFault(status: number, header: (name: string) => string | undefined): string | null {
  if (status !== 502 && status !== 503 && status !== 504) return null;
  const name = header('via') ?? header('server');
  if (name === undefined && !/^text\/html\b/i.test(header('content-type') ?? '')) return null;
  const proxy = name === undefined ? 'a proxy' : `a proxy (${name})`;
  return `${proxy} answered ${status} in place of the reflector: it does not reach it, or not in time`;
}
