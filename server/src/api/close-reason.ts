/** `text` as the reason of a close frame: at most 123 bytes (RFC 6455 section 5.5), whole characters. */
export function closeReason(text: string): string {
  const characters = [...text].slice(0, 123);
  while (Buffer.byteLength(characters.join('')) > 123) characters.pop();
  return characters.join('');
}
