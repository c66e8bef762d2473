/** The part of mqtt-packet that the agent uses. The types of the package itself need those of Node. */
export interface Parser {
  /** Returns how many bytes of an unfinished packet it holds. */
  parse(bytes: Uint8Array): number;
  on(event: 'packet', listener: (packet: object) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

interface Options {
  readonly protocolVersion: 4 | 5;
}

declare const mqtt: {
  parser(options: Options): Parser;
};

export default mqtt;
