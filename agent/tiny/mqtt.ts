import { Mqtt } from '../src/mqtt/mqtt.ts';
import { native } from './native.ts';

// A script of its own: `load-mqtt.ts` runs it, for an agent with `mqtt` in its configuration.
native.createMqtt = (options) => new Mqtt(options);
