/** Bounds of the MQTT client; `hostile-broker.test.ts` tries to break them. */
export const mqttLimits = {
  /**
   * The longest packet of a broker, in bytes. A command is one line of JSON; a publication that is longer is passed over, and
   * what else is longer ends the connection.
   */
  packetBytes: 16_384,
  /** The longest text of a command that is read, in bytes. */
  commandBytes: 4096,
  /** Commands whose identifiers are remembered, so that none is answered twice. */
  commands: 64,
  /** Deliveries of one command that wait for its report; of more, the oldest is acknowledged without it. */
  deliveries: 16,
  /** Characters of the identifier of a command. */
  commandIdLength: 128,
  /** Publications of ours that wait for their acknowledgement by the broker, at once. */
  inFlight: 16,
  /** Bytes on their way to the broker above which it is not read. */
  unsentBytes: 65_536,
  /** What the broker may take for an answer to CONNECT, SUBSCRIBE or PINGREQ, in milliseconds. */
  answerMs: 10_000,
  /** How long the end of the agent may wait for the broker to take the last words, in milliseconds. */
  lastMs: 2000,
};
