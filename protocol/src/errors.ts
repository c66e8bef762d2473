/**
 * The only two kinds of error that leave this folder. Anything else thrown here is a bug; the fuzz tests assert it.
 */

/** Stable names of what a peer did wrong. */
export type ProtocolErrorCode =
  | 'RM_HTTP_HEAD' // a head that is not HTTP/1.1
  | 'RM_HTTP_HEAD_SIZE' // a head beyond its bound
  | 'RM_UPGRADE' // a 101 response that breaks RFC 6455 section 4.1
  | 'RM_WS_RESERVED' // a reserved bit or opcode
  | 'RM_WS_MASK' // masked where it must not be, or the reverse
  | 'RM_WS_CONTROL' // a control frame that is fragmented or too long
  | 'RM_WS_FRAGMENT' // a continuation out of place
  | 'RM_WS_LENGTH' // a length that is not minimal, or beyond 2^53
  | 'RM_WS_SIZE' // a message beyond its bound
  | 'RM_WS_TYPE' // a text message, where the tunnel carries only binary ones
  | 'RM_WS_CLOSE' // a close frame with a bad code, length or text
  | 'RM_CREDENTIALS' // a challenge or credentials that cannot be read
  | 'RM_SOCKS' // an answer that is not SOCKS5
  | 'RM_PROPERTY' // properties that cannot be read
  | 'RM_EXTENSION' // an extension header that cannot be read
  | 'RM_MQTT'; // a packet of a broker that is malformed, or out of place

/** The peer broke the protocol. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;
  /** The WebSocket close code to answer with (RFC 6455 section 7.4.1). */
  readonly closeCode: number;

  constructor(code: ProtocolErrorCode, message: string, closeCode = 1002) {
    super(message);
    this.code = code;
    this.closeCode = closeCode;
  }
}

/** The caller broke a rule of this code's own interface, for example a payload above the bound it had set. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
