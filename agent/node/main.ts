#!/usr/bin/env node
import { main } from '../src/main.ts';
import { nodeHost } from './node-host.ts';

main(nodeHost);
