import { interrupted, startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { startDesktop } from './desktop.ts';

const desktop = await startDesktop('panel-1');
const reflector = await startLocalReflector('panel-1');
const agent = new Agent({
  reflector: reflector.uri,
  device: { ...reflector.device, name: 'Operator panel' },
  services: [{ port: 5900, kind: 'vnc', target: '127.0.0.1', targetPort: desktop.port }],
});
agent.start();
await agent.connected();
const { name, password } = reflector.user;
console.log(`
  export RM_REFLECTOR=http://localhost:${reflector.port} RM_USER=${name} RM_PASSWORD=${password}
  node client/dist/main.js vnc panel-1

  Ctrl-C ends the example.
`);

await interrupted();
await agent.stop();
await reflector.close();
await desktop.stop();
