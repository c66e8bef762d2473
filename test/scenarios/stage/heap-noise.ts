/**
 * By how much, in KiB, resident memory may move for reasons of the runtime alone. The default is for V8, whose heap
 * grows by some megabytes whenever thousands of messages pass; `RM_HEAP_NOISE` is for runtimes that free at once.
 */
export const heapNoise = Number(process.env.RM_HEAP_NOISE ?? 24 * 1024);
