/** What the sensors say. */
export interface Reading {
  readonly running: boolean;
  /** Revolutions a minute. */
  readonly speed: number;
  /** Litres a minute. */
  readonly flow: number;
  /** Bar. */
  readonly pressure: number;
  /** Degrees Celsius. */
  readonly temperature: number;
}

export const maxSpeed = 3000;
const ambientTemperature = 21;
/** Seconds in which speed and temperature come 63 % closer to where they are going. */
const speedLag = 1.5;
const temperatureLag = 40;

/** A simulated pump: it runs up and down, warms up, and its flow and pressure follow its speed with some ripple. */
export class Pump {
  #running = true;
  #setPoint = 1800;
  #speed = 1800;
  #temperature = 46;
  #time: number;

  /** `now` is in milliseconds of any clock that does not jump, as everywhere below. */
  constructor(now: number) {
    this.#time = now;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Revolutions a minute that it is to have while it runs. */
  get setPoint(): number {
    return this.#setPoint;
  }

  /** `setPoint` is from 0 to {@link maxSpeed}. */
  control(command: { readonly running?: boolean; readonly setPoint?: number }, now: number): void {
    this.#advance(now);
    this.#running = command.running ?? this.#running;
    this.#setPoint = command.setPoint ?? this.#setPoint;
  }

  read(now: number): Reading {
    this.#advance(now);
    const seconds = now / 1000;
    const share = this.#speed / maxSpeed;
    // Two waves that never meet the same way: it looks like water, and is the same in every test.
    const ripple = share * (Math.sin(seconds * 2.1) + 0.6 * Math.sin(seconds * 5.3));
    return {
      running: this.#running,
      speed: Math.round(this.#speed + 4 * ripple),
      flow: rounded(70 * share + 0.9 * ripple, 1),
      pressure: rounded(6.5 * share * share + 0.04 * ripple, 2),
      temperature: rounded(this.#temperature + 0.05 * Math.sin(seconds / 3), 1),
    };
  }

  #advance(now: number): void {
    const seconds = Math.max(0, now - this.#time) / 1000;
    this.#time = Math.max(this.#time, now);
    const speed = this.#running ? this.#setPoint : 0;
    this.#speed = speed + (this.#speed - speed) * Math.exp(-seconds / speedLag);
    const warm = ambientTemperature + 42 * (this.#speed / maxSpeed);
    this.#temperature = warm + (this.#temperature - warm) * Math.exp(-seconds / temperatureLag);
  }
}

function rounded(value: number, digits: number): number {
  return Math.max(0, Number(value.toFixed(digits)));
}
