/*
 * What a browser keeps of a response's head beyond the page, for the whole host. On a host that devices share it would
 * hold for the next device; a report, for example, would tell one device the addresses of another.
 *
 * Not here, as they hold for one document or one answer: `Content-Security-Policy` with its reports, `Permissions-Policy`,
 * `Link`, `Refresh`. `Service-Worker-Allowed` needs nothing: scripts of service workers are refused there. What a
 * dictionary or the cache keeps, `Clear-Site-Data` takes away.
 */

/** Dropped from responses on a shared host. */
const keptForHost = new Set([
  // Where the browser reports errors to (W3C Reporting API, Network Error Logging).
  'nel',
  'report-to',
  'reporting-endpoints',
  'expect-ct',
  'public-key-pins',
  'public-key-pins-report-only',
  // The browser would send the next device what this one has asked it for.
  'accept-ch',
  'critical-ch',
  'www-authenticate',
  // One device does not decide whether the host uses TLS, or whether somebody is logged in.
  'strict-transport-security',
  'set-login',
]);

/** Whether a field of a device's response must not reach the browser. `lower`: its name in lower case. */
export function isKeptByBrowsers(lower: string, shared: boolean): boolean {
  // Other ports and hosts that answer for this one (RFC 7838): the device's are not the reflector's, on any host.
  return lower === 'alt-svc' || (shared && keptForHost.has(lower));
}

/** Takes back a former device's setting, so that the browser reports network errors to nobody. */
export const reportsToNobody = { NEL: '{"max_age":0}' } as const;
