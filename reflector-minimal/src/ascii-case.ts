/**
 * Text with A to Z in lower case, and nothing else changed. Names of DNS, of devices and of HTTP know no other letters
 * (RFC 4343): `toLowerCase` makes `k` of U+212A (Kelvin sign), and so one name of two.
 */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
