import type { LoadGatewayImport } from '../src/gateway/import-folder.ts';
import type { OptionalCommands } from '../src/program/commands.ts';
import { script } from './scripts.ts';

/** False when a build leaves `import` out (`npm run build -- --without import`). */
declare const RM_IMPORT: boolean | undefined;

const there = typeof RM_IMPORT === 'undefined' || RM_IMPORT;

/** The converter of properties files. */
export const loadImport: OptionalCommands['loadImport'] = there
  ? () => script('import').importProperties
  : null;

/** That of folders of the original gateway; only a build with the gateway calls it. */
export const loadGatewayImport: LoadGatewayImport = there
  ? () => {
      const { gatewayImport } = script('import');
      if (!gatewayImport) throw new TypeError('this build has no gateway');
      return gatewayImport;
    }
  : null;
