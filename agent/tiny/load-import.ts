import type { LoadGatewayImport } from '../src/gateway/import-folder.ts';
import type { LoadImport } from '../src/program/main.ts';
import { native } from './native.ts';

/** False when a build leaves `import` out (`npm run build -- --without import`). */
declare const RM_IMPORT: boolean | undefined;

/** Runs the script `import.ts`, which the executable holds apart, so that the running agent has no memory for it. */
export const loadImport: LoadImport =
  typeof RM_IMPORT === 'undefined' || RM_IMPORT
    ? () => {
        native.runImport();
        return native.importProperties;
      }
    : null;

/** As {@link loadImport}, for folders of the original gateway. */
export const loadGatewayImport: LoadGatewayImport =
  typeof RM_IMPORT === 'undefined' || RM_IMPORT
    ? () => {
        native.runImport();
        return native.gatewayImport;
      }
    : null;
