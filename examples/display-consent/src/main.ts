import { startLocalReflector } from 'local-reflector';
import { Display } from './display.ts';
import { supportedDevice } from './supported-device.ts';

const reflector = await startLocalReflector('kiosk-1');
const display = new Display(process.stdin, process.stdout);
const agent = supportedDevice({ reflector: reflector.uri, device: reflector.device }, display);
agent.on('access', ({ detail }) => console.log(`access ${detail}`));
agent.start();
await agent.connected();
console.log(`${reflector.invitation}  Open the page: this terminal asks whether you may.\n`);

await display.closed;
await agent.stop();
await reflector.close();
