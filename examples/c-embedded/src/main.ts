import { interrupted, startLocalReflector } from 'local-reflector';
import { compile } from './compile.ts';
import { startDevice } from './device.ts';

const program = await compile('thermostat');
const reflector = await startLocalReflector('thermostat-1');
const device = await startDevice(reflector, [program]);
console.log(reflector.invitation);

await interrupted();
await device.stop();
await reflector.close();
