// What a release says of itself, the same in every package, image and bill of materials.
import { readFileSync } from 'node:fs';
import { version } from '../bundle.mjs';

/** @type {{ author: string, homepage: string, license: string }} */
const workspace = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export const product = {
  name: 'rm-agent',
  version,
  maintainer: workspace.author,
  homepage: workspace.homepage,
  licence: workspace.license,
  /** Common Platform Enumeration 2.3, as far as the version. */
  cpe: `cpe:2.3:a:rm-agent:rm-agent:${version}:*:*:*:*:*:*:*`,
  summary: 'remote access to the services of a device behind NAT',
  details: [
    'The agent connects to a reflector, through NAT, firewalls and proxies, and makes the web interface, SSH, VNC and ' +
      'any other TCP service of this device reachable for the users of the reflector.',
    'It is one static program, which needs no other package.',
  ],
};
