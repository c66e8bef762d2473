import * as api from './api.ts';
import * as devices from './devices.ts';
import * as directories from './directories.ts';
import * as enrolment from './enrolment.ts';
import * as events from './events.ts';
import * as hostKeys from './host-keys.ts';
import * as people from './people.ts';
import * as rights from './rights.ts';
import * as webhooks from './webhooks.ts';

/**
 * The tables of the server, by part. Each part has a version of its own, which counts the steps done. A published step
 * never changes. A part may refer to the tables of those before it, and to those of the reflector.
 */
export const schema: Readonly<Record<string, readonly string[]>> = {
  api: api.steps,
  devices: devices.steps,
  events: events.steps,
  rights: rights.steps,
  directories: directories.steps,
  people: people.steps,
  webhooks: webhooks.steps,
  enrolment: enrolment.steps,
  'host-keys': hostKeys.steps,
};
