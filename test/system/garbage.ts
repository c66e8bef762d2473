const program = `
const kept = [];
let made = 0;
setInterval(() => {
  for (let i = 0; i < 10_000; i++) kept[made++ % 100_000] = { of: [made] };
}, 20).unref();`;

/**
 * An option for Node: the process and its threads make garbage bit by bit, so that V8 collects in tasks of its own, while
 * no code of ours runs. On Node 24 that ends a process which lets an object of better-sqlite3 be collected
 * (`LastingDatabase`).
 */
export const makeGarbage = `--import=data:text/javascript,${encodeURIComponent(program)}`;
