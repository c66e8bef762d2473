import { readFileSync, statSync } from 'node:fs';
import { ConfigurationError, fileFault } from 'rm-reflector/program';
import { type Static, Type } from 'typebox';

/** A secret in the configuration: text, or where it is. */
export const secretSchema = Type.Union(
  [
    Type.String({ minLength: 1 }),
    Type.Object({ file: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    Type.Object({ env: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
  ],
  { description: 'Text, {"file": PATH} or {"env": NAME}.' },
);

export type SecretSource = Static<typeof secretSchema>;

/**
 * The secret, read anew with each call. The last line break of a file does not count. `where`: for messages, such as
 * `/etc/rm-server.json: mail.password`. Throws `ConfigurationError`.
 */
export function readSecret(
  source: SecretSource,
  where: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (typeof source === 'string') return source;
  if ('env' in source) {
    const value = environment[source.env];
    if (value) return value;
    throw new ConfigurationError(`${where}: the variable ${source.env} is not set`);
  }
  let text: string;
  try {
    text = readFileSync(source.file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigurationError(`${where}: ${source.file}: ${fileFault(error)}`);
  }
  if (text !== '') return text;
  throw new ConfigurationError(`${where}: ${source.file} is empty`);
}

/**
 * For a secret that is asked for again and again: reads it now, and anew with each call. What is no regular file, such as a pipe,
 * gives it only once, so it is kept. Throws `ConfigurationError`.
 */
export function secretReader(...source: Parameters<typeof readSecret>): () => string {
  const [place] = source;
  const isLasting = typeof place === 'string' || 'env' in place || isRegularFile(place.file);
  const first = readSecret(...source);
  return isLasting ? () => readSecret(...source) : () => first;
}

function isRegularFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
