// What the parser of mqtt-packet needs of an event emitter: one listener for each event.

export class EventEmitter {
  /** @type {Map<string, (value: unknown) => void>} */
  listeners = new Map();

  /**
   * @param {string} event
   * @param {(value: unknown) => void} listener
   */
  on(event, listener) {
    this.listeners.set(event, listener);
  }

  /**
   * @param {string} event
   * @param {unknown} value
   */
  emit(event, value) {
    this.listeners.get(event)?.(value);
  }
}
