// The second build of reproducible.mjs, in a process of its own because the cache is chosen once a process.
import { buildStatic } from './build-static.mjs';

await buildStatic(JSON.parse(process.argv[2] ?? '{}'));
