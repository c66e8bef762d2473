/** Whether two texts are equal, in a time that depends on their lengths only. */
export function sameText(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
