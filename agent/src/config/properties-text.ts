import { latin1Decode, utf8DecodeStrict } from 'rm-protocol';

/**
 * The text of a properties file: UTF-8, and Latin-1 where it is no UTF-8. The original passes bytes on as they are, so its
 * files have the encoding of the machine that they were written on.
 */
export function propertiesText(bytes: Uint8Array): string {
  return utf8DecodeStrict(bytes) ?? latin1Decode(bytes);
}
