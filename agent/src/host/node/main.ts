#!/usr/bin/env node
import { main } from '../../main.ts';
import { nodeHost } from './node-host.ts';

main(nodeHost);
