import type { Part } from '../part.ts';
import { readAssets } from './assets.ts';
import { dashboardRoutes } from './routes.ts';
import { serverEndpoint } from './server-endpoint.ts';

/** The pages for people. What they show and do goes through the API. */
export const dashboard = (version: string): Part => ({
  run(core) {
    const assets = readAssets();
    if (!assets)
      core.log.warn('the dashboard is not built (node toolchain/bundle.mjs): / lists devices without it');
    return {
      endpoints: [serverEndpoint(core, version)],
      routes: assets ? dashboardRoutes(assets, core) : [],
    };
  },
});
