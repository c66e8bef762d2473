// What somebody has to fill in before a board's agent can connect.

/** A host that nobody has (RFC 2606) stands for one to come, and so does the UUID of zeros. */
const unfilled = [/\bexample\.(?:com|net|org)\b/, /^00000000-0000-4000-8000-0{12}$/];

/**
 * The places of placeholders in a configuration, and the files that it names for secrets.
 * @param {unknown} value
 * @param {string} [path]
 * @returns {string[]} one line each
 */
export function placeholders(value, path = '') {
  if (typeof value === 'string') {
    return unfilled.some((pattern) => pattern.test(value)) ? [`${path}: in place of ${value}`] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    // `{ "file": … }` is a secret; the log's file is written, not read.
    key === 'file' && !path.startsWith('log.')
      ? [`${member}: the secret of ${path}, of mode 0600`]
      : placeholders(member, Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key),
  );
}
