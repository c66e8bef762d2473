import { defaultLimits } from '../src/config/limits.ts';
import { isGatewayFile } from '../src/gateway/is-gateway-file.ts';
import { main } from '../src/program/main.ts';
import { requestsBy } from '../src/program/make-requests.ts';
import { tinyHost } from './host.ts';
import { script } from './scripts.ts';

/** False when a build leaves one of them out (`npm run build -- --without gateway,mqtt`). */
declare const RM_GATEWAY: boolean | undefined;
declare const RM_MQTT: boolean | undefined;

const host = tinyHost();
// Until the configuration says otherwise.
host.system.limitMemory(defaultLimits.memoryBytes);
main(host, {
  command: (...given) => script('commands')(...given),
  requests: typeof RM_MQTT === 'undefined' || RM_MQTT ? requestsBy(() => script('mqtt')) : null,
  gateway:
    typeof RM_GATEWAY === 'undefined' || RM_GATEWAY
      ? { owns: isGatewayFile, run: (...given) => script('gateway')(...given) }
      : null,
});
