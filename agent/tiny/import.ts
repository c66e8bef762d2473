import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { native } from './native.ts';

/** False when a build leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

// A script of its own: `load-import.ts` runs it, for one command.
native.importProperties = importProperties;
if (typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) native.gatewayImport = gatewayImport;
