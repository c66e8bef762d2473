import { interrupted, startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { question, startSerialLine } from './serial-line.ts';

const line = await startSerialLine();
const reflector = await startLocalReflector('balance-1');
const agent = new Agent({
  reflector: reflector.uri,
  device: reflector.device,
  services: [{ port: 4001, name: 'balance', target: '127.0.0.1', targetPort: line.port }],
});
agent.start();
await agent.connected();
const { name, password } = reflector.user;
console.log(`
  export RM_REFLECTOR=http://localhost:${reflector.port} RM_USER=${name} RM_PASSWORD=${password}
  node client/dist/main.js forward balance-1 -R 4001 -C '${question}'

  Ctrl-C ends the example.
`);

await interrupted();
await agent.stop();
await reflector.close();
line.stop();
