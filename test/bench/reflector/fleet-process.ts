import { deviceName, type FleetPart, LightDevice } from './light-device.ts';

/** A part of the fleet, in a process of its own: descriptors and processor time are shared out. */

/** Devices that dial for the first time at once; a fleet that comes back has its back-off for that. */
const dialling = 50;

process.once('message', ({ facts, from, count }: FleetPart) => {
  let up = 0;
  let told = -1;
  const report = () => {
    if (up !== told) process.send?.(up);
    told = up;
  };
  setInterval(report, 20);
  let next = 0;
  const more = () => {
    const index = from + next++;
    if (next > count) return;
    // Several addresses: one has ports for some 28,000 connections.
    const address = `127.0.1.${1 + (index % 8)}`;
    let first = true;
    const device = new LightDevice(deviceName(index), facts, address, (isUp) => {
      up += isUp ? 1 : -1;
      if (isUp && first) {
        first = false;
        more();
      }
    });
    device.dial();
  };
  for (let i = 0; i < dialling; i++) more();
});
process.once('disconnect', () => process.exit(0));
