/** The device broke HTTP. The message completes "The device's answer is not HTTP: …". */
export class InvalidAnswer extends Error {
  override readonly name = 'InvalidAnswer';
}
