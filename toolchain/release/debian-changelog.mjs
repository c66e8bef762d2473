// The changelog of a Debian package (Debian's policy, section 4.4), which says no more than that it is a release.
import { product } from './product.mjs';

/**
 * @param {string} name of the package
 * @param {number} time seconds since 1970
 */
export function debianChangelog(name, time) {
  const date = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${product.version}-1) unstable; urgency=medium

  * Release ${product.version}; changelog.gz tells what is new.

 -- ${product.maintainer}  ${date}
`;
}
