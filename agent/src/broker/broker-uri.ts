import { type HttpUri, parseHttpUri } from 'rm-protocol';

/** Where a broker is, and what carries MQTT there. */
export interface BrokerUri {
  readonly uri: HttpUri;
  /** MQTT in the binary messages of a WebSocket (MQTT 5 section 6). */
  readonly webSocket: boolean;
}

/** Reads `mqtt:`, `mqtts:`, `ws:` and `wss:` URIs; `null` when it is anything else. */
export function parseBrokerUri(text: string): BrokerUri | null {
  const match = /^(mqtt|ws)(s?):(.*)$/i.exec(text);
  if (!match) return null;
  const [, scheme = '', s = '', rest = ''] = match;
  const webSocket = scheme.toLowerCase() === 'ws';
  const secure = s !== '';
  const uri = parseHttpUri(`http${secure ? 's' : ''}:${rest}`);
  if (!uri) return null;
  if (webSocket) return { uri: uri.target === '/' ? { ...uri, target: '/mqtt' } : uri, webSocket };
  const given = /:\d+\/?$/.test(rest);
  return { uri: given ? uri : { ...uri, port: secure ? 8883 : 1883 }, webSocket };
}
