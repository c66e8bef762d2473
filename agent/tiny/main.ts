import { defaultLimits } from '../src/config/limits.ts';
import { main } from '../src/program/main.ts';
import { tinyHost } from './host.ts';
import { loadImport } from './load-import.ts';

const host = tinyHost();
// Until the configuration says otherwise.
host.system.limitMemory(defaultLimits.memoryBytes);
main(host, loadImport);
