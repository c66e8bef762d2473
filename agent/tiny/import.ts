import { importProperties } from '../src/config/import.ts';
import { native } from './native.ts';

// A script of its own: `load-import.ts` runs it, for one command.
native.importProperties = importProperties;
