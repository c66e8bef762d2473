/**
 * The compiled file of a thread; `path` within `src`, without its ending. The tests run the source, which a worker of Node 20
 * cannot load.
 */
export function workerFile(path: string): URL {
  const compiled = import.meta.url.endsWith('.ts') ? '../dist/' : './';
  return new URL(`${compiled}${path}.js`, import.meta.url);
}
