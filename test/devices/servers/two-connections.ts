import type { Device } from '../suite/device.ts';
import { fewConnections } from '../suite/few-connections.ts';
import { smallAsks } from '../suite/small-site.ts';

/** Takes two connections at a time, and nobody says so. Chromium directly opens more, and loses a part of the page. */
export const device: Device = {
  start: ({ port }) => fewConnections(port, 2),
  asks: { ...smallAsks, withoutChromium: true },
};
