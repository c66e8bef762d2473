import type { FailureKind } from '../dial/back-off.ts';
import type { Level } from './codec.ts';

/** Return codes of CONNACK (MQTT 3.1.1 section 3.2.2.3). */
const returnCodes: Readonly<Record<number, string>> = {
  1: 'it does not speak this version of MQTT: see mqtt.version',
  2: 'it does not take the client ID',
  3: 'it is not available',
  4: 'wrong user or password',
  5: 'not authorized',
};

/** Reason codes (MQTT 5 section 2.4), as far as a person can do something about them. */
const reasonCodes: Readonly<Record<number, string>> = {
  132: 'it does not speak this version of MQTT: see mqtt.version',
  133: 'it does not take the client ID',
  134: 'wrong user or password',
  135: 'not authorized',
  136: 'it is not available',
  137: 'it is busy',
  138: 'banned',
  139: 'it is shutting down',
  141: 'it has heard nothing for too long',
  142: 'another client with this client ID has connected',
  151: 'quota exceeded',
};

/** A fault that may be over soon: the broker is away or busy. The rest would be refused again. */
const faults: Readonly<Record<Level, readonly number[]>> = {
  4: [3],
  5: [128, 131, 136, 137, 139, 141, 150, 151, 159, 160],
};

export function describeCode(level: Level, code: number): string {
  return (level === 4 ? returnCodes : reasonCodes)[code] ?? `reason code ${code}`;
}

export function kindOf(level: Level, code: number): FailureKind {
  return faults[level].includes(code) ? 'fault' : 'refusal';
}
