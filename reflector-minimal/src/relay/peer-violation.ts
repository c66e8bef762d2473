/** The other node broke the protocol of the relay. It costs the connection. */
export class PeerViolation extends Error {
  override readonly name = 'PeerViolation';
}
