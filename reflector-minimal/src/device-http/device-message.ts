/** A request as it goes to the device. */
export interface DeviceMessage {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn, as they are written; those that frame the body are among them. */
  readonly headers: readonly string[];
  readonly body: 'none' | 'length' | 'chunked';
  /** It asks for another protocol: 101 is an answer. */
  readonly upgrade: boolean;
  /** The user. Connections that carried a request of one carry none of another. */
  readonly owner: string;
  /** The user's connection, by its identity: some devices authenticate connections. */
  readonly client: object;
}

/** Safe methods (RFC 9110 section 9.2.1). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The request may go out twice: it is safe, and nothing of it is gone once it is sent. */
export function isRepeatable({ method, body, upgrade }: DeviceMessage): boolean {
  return body === 'none' && !upgrade && safeMethods.has(method);
}

/** The request line and the header lines, one character a byte. */
export function encodeRequestHead({ method, target, headers }: DeviceMessage): string {
  let head = `${method} ${target} HTTP/1.1\r\n`;
  let persistent = true;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === 10 && name.toLowerCase() === 'connection') persistent = false;
    head += `${name}: ${headers[i + 1]}\r\n`;
  }
  // Devices of HTTP/1.0 keep the connection only when they are asked to.
  return persistent ? `${head}Connection: keep-alive\r\n\r\n` : `${head}\r\n`;
}

/** Whether the connection itself is being authenticated: it then belongs to one client (RFC 4559, section 6). */
export function authenticatesConnection(headers: readonly string[], name: string): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.length !== name.length || headers[i]?.toLowerCase() !== name) continue;
    if (/(?:^|[,\s])(?:NTLM|Negotiate)(?:$|[,\s])/i.test(headers[i + 1] ?? '')) return true;
  }
  return false;
}
