// The engine's library without what the agent does not use (patches/quickjs-small-library.patch).

const leftOut = [
  /\bMath\.(?:a?(?:cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log1p|log2|log10|pow)\b/,
  /\*\*/,
  /\\p\{/i,
  /\.normalize\(/,
];

/**
 * What a script needs and the engine does not have.
 * @param {string} script
 */
export function missingFromLibrary(script) {
  return leftOut.flatMap((pattern) => pattern.exec(script)?.[0] ?? []);
}
