/** Values of `Sec-WebSocket-Protocol` (`webtunnel.md` sections 1 and 4). The `/` is no token character: RFC 7230 parsers refuse it. */
export const SERVER_PROTOCOL = 'com.appinf.webtunnel.server/1.0';
export const CLIENT_PROTOCOL = 'com.appinf.webtunnel.client/1.0';

/** Close code by which a reflector tells a device that a newer tunnel of the same device has replaced this one. */
export const CLOSE_REPLACED = 4001;
