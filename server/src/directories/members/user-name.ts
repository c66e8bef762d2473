/** Basic credentials end a name at the first `:`; the core takes 1 to 64 characters without spaces. */
const pattern = /^[^\s:\p{Cc}\ud800-\udfff]{1,64}$/u;

/**
 * The name under which the store knows somebody of a directory: directories tell no capitals apart, the store does.
 * `null`: it cannot be the name of a user.
 */
export function userName(name: string): string | null {
  const plain = name.normalize('NFC').toLowerCase();
  return pattern.test(plain) ? plain : null;
}
