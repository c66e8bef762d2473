import { Duplex, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { MessageWriter } from './message-writer.ts';

/** What a socket would send, one entry a system call. */
class Sink extends Duplex {
  readonly calls: Buffer[][] = [];

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => chunk));
    done();
  }

  override _read(): void {}

  get hex(): string {
    return Buffer.concat(this.calls.flat()).toString('hex');
  }
}

function write(...lengths: number[]): Sink {
  const sink = new Sink();
  const writer = new MessageWriter(sink);
  writer.begin(1000);
  for (const length of lengths) writer.message(Buffer.from([1, 2]), [Buffer.alloc(length, 0xee)], length);
  writer.end();
  return sink;
}

describe('the message writer', () => {
  test.each([
    [0, '82020102'],
    [3, '82050102eeeeee'],
    [123, `827d0102${'ee'.repeat(123)}`],
    [124, `827e007e0102${'ee'.repeat(124)}`],
    [65533, `827effff0102${'ee'.repeat(65533)}`],
    [65534, `827f00000000000100000102${'ee'.repeat(65534)}`],
  ])('%i bytes and a header of 2: RFC 6455 section 5.2', (length, hex) => {
    expect(write(length).hex).toBe(hex);
  });

  test('all of a turn leaves in one system call, small messages in one buffer', () => {
    const sink = write(10, 20, 30);
    expect(sink.calls.map((chunks) => chunks.length)).toEqual([1]);
    expect(sink.hex).toBe(
      ['0c', '16', '20'].map((size, i) => `82${size}0102${'ee'.repeat(10 * (i + 1))}`).join(''),
    );
  });

  test('a large payload is not copied', () => {
    const sink = new Sink();
    const writer = new MessageWriter(sink);
    const payload = Buffer.alloc(10_000);
    writer.begin(0);
    writer.message(Buffer.from([1]), [payload.subarray(0, 4000), payload.subarray(4000)], payload.length);
    writer.end();
    const [head, first, second] = sink.calls[0] ?? [];
    expect(head?.toString('hex')).toBe('827e271101');
    expect([first?.buffer, second?.buffer]).toEqual([payload.buffer, payload.buffer]);
  });

  test('more than the expected bytes take another block', () => {
    const lengths = Array.from({ length: 50 }, () => 1000);
    expect(write(...lengths).hex).toBe(`827e03ea0102${'ee'.repeat(1000)}`.repeat(50));
  });

  test('knows what waits for the kernel', () => {
    const stuck = new Writable({ write: () => {} }) as unknown as Duplex;
    const writer = new MessageWriter(stuck);
    writer.begin(100);
    writer.message(Buffer.alloc(4), [], 0);
    expect(writer.queued).toBe(6);
    writer.end();
    expect(writer.queued).toBe(6);
  });

  test.each(['taken', 'lost'])('says when what was written is taken: %s', async (end) => {
    let took = () => {};
    const slow = new Writable({
      write: (_chunk, _encoding, done) => {
        took = done;
      },
    }) as unknown as Duplex;
    slow.on('error', () => {});
    const writer = new MessageWriter(slow);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let taken = false;
    writer.begin(0);
    writer.message(Buffer.alloc(4), [], 0);
    writer.end();
    writer.whenTaken(() => {
      taken = true;
    });
    await turn();
    expect(taken).toBe(false);
    if (end === 'lost') slow.destroy(new Error('reset'));
    for (let i = 0; i < 2; i++) {
      took();
      await turn();
    }
    expect(taken).toBe(end === 'taken');
  });
});
