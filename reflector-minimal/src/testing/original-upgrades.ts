import { readFileSync } from 'node:fs';

const captured = (file: string) =>
  readFileSync(new URL(`../../../protocol/src/captured/${file}`, import.meta.url), 'latin1');

/** What the original's agent has sent (release 2.5.0). */
export const originalAgentUpgrade = captured('agent-upgrade.http');

/** What the original's `remote-connect` has sent (release 2.5.0), as `alice` with the password `pw`. */
export const originalConnect = captured('client-connect.http');

const clientUpgrade = captured('client-upgrade.http');

/** What the original's client has sent (release 2.5.0), but for port, credentials and host, and further lines. */
export function originalClientUpgrade(
  port: number | string,
  credentials: string,
  host: string,
  ...more: string[]
): string {
  return clientUpgrade
    .replace(/^(X-WebTunnel-RemotePort: ).*$/m, `$1${port}`)
    .replace(/^(Authorization: ).*$/m, `$1${credentials}`)
    .replace(/^Host: .*$/m, [...more, `Host: ${host}`].join('\r\n'));
}
