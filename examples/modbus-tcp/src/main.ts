import { interrupted, startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { startController } from './controller.ts';

const controller = await startController();
const reflector = await startLocalReflector('controller-1');
const agent = new Agent({
  reflector: reflector.uri,
  device: reflector.device,
  services: [{ port: 502, name: 'modbus', target: '127.0.0.1', targetPort: controller.port }],
});
agent.start();
await agent.connected();
const { name, password } = reflector.user;
console.log(`
  export RM_REFLECTOR=http://localhost:${reflector.port} RM_USER=${name} RM_PASSWORD=${password}
  node client/dist/main.js forward controller-1 -R 502 -C 'node examples/modbus-tcp/dist/read.js %p'

  Ctrl-C ends the example.
`);

await interrupted();
await agent.stop();
await reflector.close();
controller.close();
