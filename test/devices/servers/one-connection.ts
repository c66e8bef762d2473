import type { Device } from '../suite/device.ts';
import { fewConnections } from '../suite/few-connections.ts';
import { smallAsks } from '../suite/small-site.ts';

/** Takes one connection at a time; its agent says so. */
export const device: Device = {
  start: ({ port }) => fewConnections(port, 1),
  settings: () => ({ connections: 1 }),
  // Chromium directly opens more for a page that loads something, and loses a part of it.
  asks: { ...smallAsks, page: '/alone' },
};
