import { interrupted, startLocalReflector } from 'local-reflector';
import { Agent, httpHandler } from 'rm-agent';
import { Heater } from './heater.ts';

const reflector = await startLocalReflector('heater-1');
const heater = new Heater();

const agent = new Agent({
  reflector: reflector.uri,
  device: {
    ...reflector.device,
    name: 'Heater in the hall',
    properties: { target: () => heater.target },
    propertiesInterval: '1m',
  },
  services: [{ port: 80, kind: 'http', handler: httpHandler(heater.serve) }],
});
agent.on('disconnected', ({ reason, retryMs }) => {
  if (retryMs !== null) console.error(`off line: ${reason}`);
});
agent.start();
await agent.connected();
console.log(reflector.invitation);

await interrupted();
await agent.stop();
await reflector.close();
