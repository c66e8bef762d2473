#!/usr/bin/env node
import { importProperties } from '../src/config/import.ts';
import { main } from '../src/program/main.ts';
import { nodeHost } from './node-host.ts';

main(nodeHost, () => importProperties);
