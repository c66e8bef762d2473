#!/usr/bin/env node
import { main } from '../src/program/main.ts';
import { nodeHost } from './node-host.ts';

main(nodeHost);
