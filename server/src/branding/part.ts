import type { Part } from '../part.ts';
import { brandingEndpoint } from './endpoint.ts';
import { brandRoutes } from './routes.ts';

/** The look of the integrator: its images and pages, and what the dashboard shows of it. */
export const brandingPart: Part = {
  run(core) {
    return { endpoints: [brandingEndpoint(core)], routes: brandRoutes(core.branding) };
  },
};
