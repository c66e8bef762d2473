import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { native } from './native.ts';

/** False when a build leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

native.scripts.import = {
  importProperties,
  ...(typeof RM_GATEWAY === 'undefined' || RM_GATEWAY ? { gatewayImport } : {}),
};
