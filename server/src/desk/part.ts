import { readBundle } from '../bundles/files.ts';
import type { Part } from '../part.ts';
import { type DeskList, deskRoutes } from './routes.ts';

const folder = new URL('../../dist/desk-assets/', import.meta.url);

/** Terminal and desktop in the browser: pages on an origin of their own, which the dashboard shows in frames. */
export const deskPart: Part = {
  run(core) {
    const bundle = readBundle<DeskList>(folder);
    if (!bundle)
      core.log.warn(
        'terminal and desktop are not built (node toolchain/bundle.mjs): the dashboard cannot open them',
      );
    return { routes: bundle ? deskRoutes(bundle, core.branding) : [] };
  },
};
