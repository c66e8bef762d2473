import { interrupted } from 'local-reflector';
import { startOnDemand } from './on-demand.ts';

const { reflector, brokerPort, topic, stop } = await startOnDemand();
console.log(`${reflector.invitation}
  See what the device says:
    mosquitto_sub -p ${brokerPort} -v -t '${topic}/#'

  Open the tunnel for ten minutes:
    mosquitto_pub -p ${brokerPort} -q 1 -t ${topic}/cmd/tunnel/1 -m '{"status":"init","for":600}'

  It closes when nobody has visited the page for a minute.
`);
await interrupted();
await stop();
