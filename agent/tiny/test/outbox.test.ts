import { describe, expect, it } from 'vitest';
import { run } from './guest.ts';
import { Peer, read } from './peer.ts';

const mebibyte = 1_048_576;

describe('writing', () => {
  it('tells of every byte taken, once, and never inside write', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const total = 8_388_608;
      let taken = 0;
      let writing = false;
      let finished = false;
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => {
            const block = new Uint8Array(65_536).map((_, i) => i);
            writing = true;
            for (let sent = 0; sent < total; sent += block.length) {
              if (!socket.write(block)) report('kept a reference');
            }
            writing = false;
            block.fill(0);
            native.clock.schedule(200, () => report('stalled', taken < total));
          },
          data: () => undefined,
          taken: (count) => {
            if (writing) report('taken inside write');
            taken += count;
            if (taken === total && !finished) {
              finished = true;
              socket.end();
            }
          },
          ended: () => undefined,
          closed: (error) => report('closed', error, taken),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    expect(await guest.expect('stalled')).toEqual([true]);
    const received = await read(socket);
    expect(received.length).toBe(8 * mebibyte);
    expect(received.every((byte, i) => byte === (i & 255))).toBe(true);
    socket.end();
    expect(await guest.finish()).toEqual([['closed', null, 8 * mebibyte]]);
  });

  it('passes received views on without a copy, in order with what lies between', async () => {
    const from = await Peer.tcp();
    const to = await Peer.tcp();
    const guest = run(
      (native, report, source, sink) => {
        const kept = new Set<boolean>();
        const nothing = () => undefined;
        const target = native.network.connect(
          { address: '127.0.0.1', port: sink },
          { connected: nothing, data: nothing, taken: nothing, ended: nothing, closed: nothing },
        );
        const header = new Uint8Array(2);
        native.network.connect(
          { address: '127.0.0.1', port: source },
          {
            connected: nothing,
            data: (bytes, start, end) => {
              // Frames of at most 700 bytes, each behind a header of two whose memory is used again at once.
              for (let at = start; at < end; at += 700) {
                const length = Math.min(700, end - at);
                header[0] = length >> 8;
                header[1] = length & 255;
                if (!target.write(header)) report('kept the header');
                kept.add(target.write(bytes, at, at + length));
              }
            },
            taken: nothing,
            ended: () => {
              report('kept', [...kept]);
              target.end();
            },
            closed: nothing,
          },
        );
        native.clock.schedule(60_000, nothing);
      },
      from.port,
      to.port,
    );
    const source = await from.connection();
    const sink = await to.connection();
    const sent = Buffer.from(Uint8Array.from({ length: 3 * mebibyte }, (_, i) => (i * 7 + (i >> 8)) & 255));
    source.end(sent);
    const framed = await read(sink);
    const parts: Buffer[] = [];
    for (let at = 0; at < framed.length; ) {
      const length = framed.readUInt16BE(at);
      parts.push(framed.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    // False until the reader stalls, and from then on true, because the rest is copied.
    expect((await guest.expect('kept'))[0]).toContain(false);
  });

  it('ends the process when the script lets a queue grow without bound', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, _report, port) => {
      const nothing = () => undefined;
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        { connected: nothing, data: nothing, taken: nothing, ended: nothing, closed: nothing },
      );
      const block = new Uint8Array(1_048_576);
      for (let i = 0; i < 64; i++) socket.write(block);
    }, peer.port);
    const { status, stderr } = await guest.ending();
    expect(status).toBe(70);
    expect(stderr).toMatch(/^rm-agent: defect: more than 16777216 bytes wait on one socket\n$/);
  });
});
