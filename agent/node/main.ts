#!/usr/bin/env node
import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { runGateway } from '../src/gateway/program.ts';
import { main } from '../src/program/main.ts';
import { nodeHost } from './node-host.ts';

main(
  nodeHost,
  () => importProperties,
  (...given) => runGateway(...given, () => gatewayImport),
);
