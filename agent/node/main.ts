#!/usr/bin/env node
import { brokerPort } from '../src/broker/broker-port.ts';
import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { runGateway } from '../src/gateway/program.ts';
import { Mqtt } from '../src/mqtt/mqtt.ts';
import { main } from '../src/program/main.ts';
import { requestsBy } from '../src/program/requests.ts';
import { nodeHost } from './node-host.ts';

main(
  nodeHost,
  () => importProperties,
  requestsBy(() => ({ create: (options) => new Mqtt(options), port: brokerPort })),
  (...given) => runGateway(...given, () => gatewayImport),
);
