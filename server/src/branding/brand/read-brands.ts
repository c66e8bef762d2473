import { join } from 'node:path';
import { ConfigurationError } from 'rm-reflector/program';
import type { Limits } from '../../limits.ts';
import { BrandFolder, type FolderLimits } from './folder.ts';
import { type Brand, plainBrand, readBrand } from './read-brand.ts';
import type { Catalogue } from './texts.ts';

/** All brands of a server. */
export interface Brands {
  /** Of the installation. */
  readonly main: Brand;
  /** By domain. */
  readonly domains: ReadonlyMap<string, Brand>;
}

export const plainBrands: Brands = { main: plainBrand, domains: new Map() };

/**
 * Reads `branding.json`, `texts/`, `pages/` and the images of a folder, and those of `domains/DOMAIN`. Throws `ConfigurationError`
 * with the path of the first fault.
 */
export function readBrands(
  path: string,
  known: Catalogue | null,
  limits: FolderLimits & Pick<Limits, 'brandDomains'>,
): Brands {
  const folder = new BrandFolder(path, limits);
  const main = readBrand(folder, '', plainBrand, known);
  const names = folder.names('domains');
  if (names.length > limits.brandDomains) {
    throw new ConfigurationError(`${join(path, 'domains')}: has more than ${limits.brandDomains} domains`);
  }
  const domains = new Map<string, Brand>();
  for (const name of names) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      throw new ConfigurationError(`${join(path, 'domains', name)}: must be called as a domain of devices`);
    }
    domains.set(name, readBrand(folder, join('domains', name), main, known));
  }
  return { main, domains };
}
