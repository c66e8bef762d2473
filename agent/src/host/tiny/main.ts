import { main } from '../../main.ts';
import { tinyHost } from './host.ts';
import { native } from './native.ts';

/**
 * What engine and host may hold together, in bytes: twice what the bounds of `limits.ts` let peers fill, and little enough
 * that the kernel of a board with 64 MB never has to choose whom to kill.
 */
const MEMORY_BYTES = 33_554_432;

native.memoryLimit(MEMORY_BYTES);
main(tinyHost());
