import { interrupted, startLocalReflector } from 'local-reflector';
import { startCamera } from './camera.ts';
import { startGateway } from './gateway.ts';

const reflector = await startLocalReflector('gate-camera');
const camera = await startCamera();
const gateway = startGateway(reflector, camera);
await gateway.connected();
console.log(`${reflector.invitation}
  RTSP      RM_REFLECTOR=http://localhost:${reflector.port} rm-client forward gate-camera -R 554 -L 8554
  Devices   ${gateway.folder}
`);

await interrupted();
await gateway.stop();
camera.close();
await reflector.close();
