import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { download } from './transfer.ts';

/** A response that takes one write and is never done with it. */
class Stalled extends Writable {
  taken = 0;

  setHeader(): void {}
  writeHead(): void {}

  override _write(chunk: Buffer): void {
    this.taken += chunk.length;
  }
}

describe('download', () => {
  it('makes no more than a few blocks for a reader that has stalled', async () => {
    const response = new Stalled();
    const request = { method: 'GET', headers: {} } as IncomingMessage;
    const done = download(
      request,
      new URLSearchParams('bytes=1073741824'),
      response as unknown as ServerResponse,
    );
    for (let turn = 0; turn < 200; turn++) await setImmediate();
    expect(response.taken).toBe(65_536);
    expect(response.writableLength).toBeLessThanOrEqual(4 * 65_536);
    response.destroy();
    await expect(done).rejects.toThrow();
  });
});
