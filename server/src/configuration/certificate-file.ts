import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError, fileFault } from 'rm-reflector/program';

/**
 * The first certificate of a PEM file. TLS would take a file without any for no authorities at all. `where`: for messages, such as
 * `/etc/rm-server.json: store.ca`. Throws `ConfigurationError`.
 */
export function certificateIn(path: string, where: string): X509Certificate {
  const text = fileIn(path, where);
  try {
    return new X509Certificate(text);
  } catch {
    throw new ConfigurationError(`${where}: ${path} has no certificate in PEM`);
  }
}

/** What the file contains. Throws `ConfigurationError`. */
export function fileIn(path: string, where: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigurationError(`${where}: ${path}: ${fileFault(error)}`);
  }
}
