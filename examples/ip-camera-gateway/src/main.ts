import { interrupted, startLocalReflector } from 'local-reflector';
import { startCamera } from './camera.ts';
import { startGateway } from './gateway.ts';

const reflector = await startLocalReflector('gate-camera');
const camera = await startCamera();
const gateway = startGateway(reflector, camera);
await gateway.connected();
const { name, password } = reflector.user;
console.log(`${reflector.invitation}
  The files of the devices are in ${gateway.folder}. For RTSP:

  export RM_REFLECTOR=http://localhost:${reflector.port} RM_USER=${name} RM_PASSWORD=${password}
  node client/dist/main.js forward gate-camera -R 554 -L 8554
`);

await interrupted();
await gateway.stop();
camera.close();
await reflector.close();
