import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxSpeed, Pump } from './pump.ts';

describe('Pump', () => {
  it('runs, and its readings move', () => {
    const pump = new Pump(0);
    const flows = Array.from({ length: 20 }, (_, i) => pump.read(i * 250).flow);
    expect(new Set(flows).size).toBeGreaterThan(10);
    expect(Math.min(...flows)).toBeGreaterThan(38);
  });

  it('runs down when it is stopped, cools, and runs up again', () => {
    const pump = new Pump(0);
    const before = pump.read(0);
    pump.control({ running: false }, 0);
    const stopped = pump.read(60_000);
    expect(stopped).toMatchObject({ running: false, speed: 0, flow: 0, pressure: 0 });
    expect(stopped.temperature).toBeLessThan(before.temperature);
    pump.control({ running: true, setPoint: maxSpeed }, 60_000);
    expect(pump.read(61_000).speed).toBeLessThan(pump.read(64_000).speed);
    expect(pump.read(90_000).speed).toBeGreaterThan(maxSpeed - 10);
  });

  it('runs up no quicker for being read more often', () => {
    const often = new Pump(0);
    const once = new Pump(0);
    for (const pump of [often, once]) pump.control({ setPoint: 600 }, 0);
    for (let now = 0; now < 5_000; now += 100) often.read(now);
    expect(often.read(5_000).speed).toBe(once.read(5_000).speed);
  });

  it('stays within its gauges, whatever is done', () => {
    const step = fc.record({
      running: fc.boolean(),
      setPoint: fc.integer({ min: 0, max: maxSpeed }),
      after: fc.integer({ min: -5, max: 1e6 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const pump = new Pump(0);
        let now = 0;
        for (const { after, ...command } of steps) {
          pump.control(command, now);
          now += after;
          const { speed, flow, pressure, temperature } = pump.read(now);
          expect(speed).toBeGreaterThanOrEqual(0);
          expect(flow).toBeLessThan(75);
          expect(pressure).toBeLessThan(8);
          expect(temperature).toBeGreaterThan(20);
          expect(temperature).toBeLessThan(90);
        }
      }),
    );
  });
});
