/** SQLite as the reflector uses it, for a program that keeps tables of its own in the same data file. */
export { asOwnerOf } from './store/as-owner.ts';
export { Breaker, type StoreCare } from './store/breaker.ts';
export { DataFileLock } from './store/data-file-lock.ts';
export { LastingDatabase } from './store/lasting-database.ts';
export { keepStatements } from './store/statements.ts';
