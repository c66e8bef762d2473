import { brokerPort } from '../src/broker/broker-port.ts';
import { type MakeRequests, requestsBy } from '../src/program/requests.ts';
import { native } from './native.ts';

/** False when a build leaves `mqtt` out (`npm run build -- --without mqtt`). */
declare const RM_MQTT: boolean | undefined;

let loaded = false;

/** Runs the script `mqtt.ts`, which the executable holds apart, so that an agent without a broker has no memory for it. */
export const makeRequests: MakeRequests =
  typeof RM_MQTT === 'undefined' || RM_MQTT
    ? requestsBy(() => {
        if (!loaded) native.runMqtt();
        loaded = true;
        return { create: (options) => native.createMqtt(options), port: brokerPort };
      })
    : null;
