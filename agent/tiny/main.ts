import { defaultLimits } from '../src/config/limits.ts';
import { runGateway } from '../src/gateway/program.ts';
import { main } from '../src/program/main.ts';
import { tinyHost } from './host.ts';
import { loadGatewayImport, loadImport } from './load-import.ts';
import { makeRequests } from './load-mqtt.ts';

/** False when a build leaves the gateway out (`npm run build -- --without gateway`). */
declare const RM_GATEWAY: boolean | undefined;

const host = tinyHost();
// Until the configuration says otherwise.
host.system.limitMemory(defaultLimits.memoryBytes);
if (typeof RM_GATEWAY === 'undefined' || RM_GATEWAY)
  main(host, loadImport, makeRequests, (...given) => runGateway(...given, loadGatewayImport));
else main(host, loadImport, makeRequests);
