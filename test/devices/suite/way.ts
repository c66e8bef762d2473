import type { Names } from './answer.ts';

/** A way to a device: directly, or through the reflector and one of the agents. */
export interface Way extends Names {
  readonly name: string;
  /** Asked by curl alone: the heads, which another way has shown to Chromium, are all that may differ. */
  readonly withoutChromium?: true;
  /** `http://…`, without a slash at its end. */
  readonly origin: string;
  /** Arguments of curl that bring it there, as a user of the reflector. */
  readonly curl: readonly string[];
  /** Headers that do so for other programs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Arguments of curl that leave `Authorization` to the device. */
  readonly curlBeside: readonly string[];
}
