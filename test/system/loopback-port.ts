import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../checkout.ts';

/** What the toolchain, too, finds ports with; as a relative path it would lead elsewhere from the compiled tests. */
export const { listens, reservedPort }: typeof import('../../toolchain/loopback-port.mjs') = await import(
  pathToFileURL(join(root, 'toolchain/loopback-port.mjs')).href
);
