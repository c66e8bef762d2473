import { authorization, device } from './stage.ts';

export interface UpgradeHeadOptions {
  readonly host?: string;
  readonly path?: string;
  readonly connection?: string;
  /** The header that says who asks, in the place of the user's `Authorization`. */
  readonly credentials?: string;
}

/** The head with which a program asks a device for a WebSocket, with further header lines. */
export function webSocketHead(
  lines: readonly string[],
  {
    host = `${device.id}.localhost`,
    path = '/',
    connection = 'Upgrade',
    credentials = `Authorization: ${authorization}`,
  }: UpgradeHeadOptions = {},
): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    credentials,
    `Connection: ${connection}`,
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...lines,
    '\r\n',
  ].join('\r\n');
}

/** The head with which a client asks for a tunnel to a port of a device (`webtunnel.md` section 4). */
export function clientTunnelHead(
  port: number,
  { extensions, ...options }: UpgradeHeadOptions & { readonly extensions?: string } = {},
): string {
  const lines = [
    'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
    ...(extensions === undefined ? [] : [`X-WebTunnel-Extensions: ${extensions}`]),
    `X-WebTunnel-RemotePort: ${port}`,
  ];
  return webSocketHead(lines, options);
}
