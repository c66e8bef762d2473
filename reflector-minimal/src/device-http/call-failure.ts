/** The device has not begun to answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** All connections that the service takes, or that one user may have, were in use all the time. */
export class NoConnection extends Error {
  override readonly name = 'NoConnection';
}

/** The device closed the connection in order before it had answered, or in the middle of its answer. */
export class ClosedEarly extends Error {
  override readonly name = 'ClosedEarly';
}
