import { describe, expect, it } from 'vitest';
import { hex, pattern } from '../host/simulated/bytes.ts';
import { noHandles } from '../host/simulated/host.ts';
import { LINK_ADDRESS, LinkStage, type LinkStageOptions } from '../host/simulated/link-stage.ts';
import { LocalService } from '../host/simulated/local-service.ts';
import { encodeCredit } from '../protocol/index.ts';
import { type LinkState, transitions } from './states.ts';

const PROXY = { scheme: 'http', host: LINK_ADDRESS, port: 80, credentials: null } as const;
const states = Object.keys(transitions) as LinkState[];

describe('a link', () => {
  it('is idle until it is started, and holds nothing', () => {
    const stage = new LinkStage();
    stage.run(1000);
    expect(stage.link.state).toBe('idle');
    expect(stage.host.handles).toEqual(noHandles);
  });

  it('gets live, with one socket and one timer', () => {
    const stage = new LinkStage().live();
    expect(stage.events).toEqual(['connecting', 'live']);
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
    stage.link.start();
    stage.link.retry();
    stage.run(10_000);
    expect(stage.reflector.connections).toHaveLength(1);
  });

  it('waits when its settings cannot be read, and reads them again', () => {
    const stage = new LinkStage();
    stage.prepareError = 'device.password: no such file';
    stage.link.start();
    stage.until('waiting');
    expect(stage.events).toEqual(['connecting', 'device.password: no such file']);
    stage.prepareError = null;
    stage.until('live');
    expect(stage.waits).toHaveLength(1);
  });

  it('waits when an attempt fails, ever longer, and dials again', () => {
    const stage = new LinkStage();
    stage.host.network.names.set('r.example', {
      code: 'name-failure',
      message: 'name server does not answer',
    });
    stage.link.start();
    for (let i = 0; i < 12; i++) {
      stage.until('waiting');
      stage.until('preparing');
    }
    for (const [attempt, wait] of stage.waits.entries()) {
      expect(wait).toBeLessThanOrEqual(Math.min(300_000, 1000 * 2 ** attempt));
    }
    expect(new Set(stage.kinds)).toEqual(new Set(['fault']));
    stage.host.network.names.set('r.example', [LINK_ADDRESS]);
    stage.until('live');
  });

  it('passes on what the reflector has asked for', () => {
    const stage = new LinkStage();
    stage.reflector.answer = () => 'HTTP/1.1 503 x\r\nRetry-After: 100\r\n\r\n';
    stage.link.start();
    stage.until('waiting');
    expect(stage.waits[0]).toBeGreaterThanOrEqual(100_000);
    expect(stage.waits[0]).toBeLessThanOrEqual(200_000);
  });

  const ends: [string, (stage: LinkStage) => void, string][] = [
    ['a close frame', ({ reflector }) => reflector.peer.closeTunnel(1001), 'closed by the reflector (1001)'],
    [
      'a close frame with a reason',
      ({ reflector }) => reflector.peer.raw(hex('88 06 03e9 6f 66 66 07')),
      'closed by the reflector (1001): off ',
    ],
    [
      'a bad frame',
      ({ reflector }) => reflector.peer.raw(hex('c2 00')),
      'reflector broke the protocol (1002): reserved bit set',
    ],
    ['a reset', ({ reflector }) => reflector.peer.socket.destroy(), 'connection reset'],
    [
      'the end of the stream',
      ({ reflector }) => reflector.peer.socket.end(),
      'connection closed by the reflector',
    ],
  ];

  it.each(ends)('that was live says why it is down: %s', (_name, end, reason) => {
    const stage = new LinkStage().live();
    end(stage);
    stage.until('waiting');
    expect(stage.events.at(-1)).toBe(reason);
    expect(stage.kinds).toEqual(['fault']);
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
    stage.until('live');
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
  });

  it('that another agent has replaced waits as after a refusal', () => {
    const stage = new LinkStage().live();
    stage.reflector.peer.replace();
    stage.until('waiting');
    expect(stage.events.at(-1)).toBe('replaced: another agent has connected as this device');
    expect(stage.waits[0]).toBeGreaterThan(18_000);
  });

  it('that a clone of the device evicts again and again asks ever more seldom', () => {
    const stage = new LinkStage();
    stage.link.start();
    for (let eviction = 0; eviction < 12; eviction++) {
      stage.until('live');
      stage.run(90_000);
      stage.reflector.peer.replace();
      stage.until('waiting');
    }
    expect(Number(stage.waits.at(-1))).toBeGreaterThan(1_800_000);
    expect(new Set(stage.kinds)).toEqual(new Set(['refusal']));
  });

  it('closes within two seconds when the reflector does not answer the close frame', () => {
    const stage = new LinkStage().live();
    const { peer } = stage.reflector;
    stage.reflector.last.ended = () => undefined;
    peer.raw(hex('c2 00'));
    stage.until('closing');
    const took = stage.until('waiting');
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThanOrEqual(2000);
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
  });

  it('takes a tunnel that lasted as a reason to start the back-off anew', () => {
    for (const [lasting, most] of [
      [120_000, 1000],
      [1000, 32_000],
    ] as const) {
      const stage = new LinkStage();
      stage.reflector.answer = () => 'HTTP/1.1 500 x\r\n\r\n';
      stage.link.start();
      for (let i = 0; i < 5; i++) {
        stage.until('waiting');
        stage.until('preparing');
      }
      stage.reflector.answer = () => 'accept';
      stage.until('live');
      stage.run(lasting);
      stage.reflector.peer.socket.destroy();
      stage.until('waiting');
      expect(stage.waits.at(-1)).toBeLessThanOrEqual(most);
      if (most > 1000) expect(stage.waits.at(-1)).toBeGreaterThan(1000);
    }
  });
});

describe('retry', () => {
  it('starts the back-off anew', () => {
    const stage = new LinkStage();
    stage.host.network.names.delete('r.example');
    stage.link.start();
    for (let i = 0; i < 9; i++) {
      stage.until('waiting');
      if (i < 8) stage.until('preparing');
    }
    stage.link.retry();
    stage.until('waiting');
    expect(stage.waits.at(-1)).toBeLessThanOrEqual(1000);
    expect(Math.max(...stage.waits.map(Number))).toBeGreaterThan(10_000);
  });

  it('dials at once when the link waits', () => {
    const stage = new LinkStage({ seed: 2 });
    stage.host.network.names.delete('r.example');
    stage.link.start();
    for (let i = 0; i < 8; i++) {
      stage.until('waiting');
      if (i < 7) stage.until('preparing');
    }
    stage.host.network.names.set('r.example', [LINK_ADDRESS]);
    stage.link.retry();
    expect(stage.link.state).toBe('preparing');
    expect(stage.until('live')).toBeLessThan(100);
  });

  it.each(states.filter((state) => state !== 'waiting'))('is nothing when the link is %s', (state) => {
    const stage = stageIn(state);
    const before = stage.reflector.connections.length;
    stage.link.retry();
    expect(stage.link.state).toBe(state);
    expect(stage.reflector.connections).toHaveLength(before);
  });
});

/** What it takes for a link to come by a state that not every link has. */
const ways: { readonly [State in LinkState]?: LinkStageOptions } = {
  tls: { uri: 'https://r.example/' },
  proxy: { dial: { routes: () => [PROXY] } },
};

/** A link that has just entered this state. */
function stageIn(state: LinkState): LinkStage {
  const stage = new LinkStage(ways[state]);
  stage.reflector.answer = ({ method }) => (method === 'CONNECT' ? 'HTTP/1.1 200 x\r\n\r\n' : 'accept');
  if (state === 'idle') return stage;
  if (state === 'disabled') stage.link.disable('by hand');
  else if (state === 'closing') {
    stage.live();
    stage.reflector.last.ended = () => undefined;
    stage.reflector.peer.closeTunnel();
  } else {
    if (state === 'waiting') stage.host.network.places.clear();
    stage.link.start();
  }
  stage.until(state);
  return stage;
}

describe('stop', () => {
  it.each(states)('in state %s leaves nothing, says so once, and lets the link be started again', (state) => {
    const stage = stageIn(state);
    stage.events.length = 0;
    stage.link.stop('agent stops');
    stage.link.stop('agent stops');
    stage.until('idle');
    stage.run(1_000_000);
    expect(stage.host.handles).toEqual(noHandles);
    expect(stage.link.state).toBe('idle');
    expect(stage.events).toContain('stopped');
    expect(stage.events).not.toContain('connecting');
    stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
    stage.link.start();
    stage.until('live');
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
  });

  it('closes a live tunnel in order: 1001, the answer, the end of the connection', () => {
    const stage = new LinkStage().live();
    const { peer } = stage.reflector;
    stage.link.stop('agent stops');
    expect(stage.link.state).toBe('closing');
    stage.run(10);
    expect(peer.take()).toEqual(['wsclose 1001']);
    peer.closeTunnel(1001);
    stage.until('idle', 1000);
    expect(stage.events).toEqual(['connecting', 'live', 'stopped']);
  });

  it('says that it is stopped each time, however often it is asked', () => {
    const stage = new LinkStage();
    stage.link.stop('agent stops');
    stage.link.stop('agent stops');
    expect(stage.events).toEqual(['stopped', 'stopped']);
  });

  it('in the middle of each event of an attempt ends it', () => {
    for (let events = 0; events < 20; events++) {
      const stage = new LinkStage({ dial: { stepTimeoutMs: 100 } });
      stage.link.start();
      stage.run(events / 2);
      stage.link.stop('agent stops');
      stage.run(3000);
      expect(stage.host.handles).toEqual(noHandles);
      expect(stage.events.at(-1)).toBe('stopped');
    }
  });

  it.each(states)('by a wish, in state %s, ends in "disabled", until it is started', (state) => {
    const stage = stageIn(state);
    stage.events.length = 0;
    stage.link.disable('by hand');
    stage.link.disable('by hand');
    stage.until('disabled');
    stage.run(1_000_000);
    expect(stage.host.handles).toEqual(noHandles);
    expect(stage.link.state).toBe('disabled');
    expect(stage.events).toContain('stopped');
    stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
    stage.link.start();
    stage.until('live');
  });

  it('that is taken back while the link closes dials again when it has closed', () => {
    const stage = new LinkStage().live();
    stage.link.stop('agent stops');
    stage.link.start();
    stage.until('waiting');
    stage.until('live');
    expect(stage.reflector.connections).toHaveLength(2);
  });
});

describe('a dead link', () => {
  it('is noticed by its silence: PING after the keep-alive time, the end when nobody answers', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    const { peer } = stage.reflector;
    stage.run(19_000);
    expect(peer.take()).toEqual([]);
    stage.run(2000);
    expect(peer.take()).toEqual(['ping']);
    stage.run(60_000);
    expect(stage.link.state).toBe('live');
    stage.host.network.cutAll();
    const took = stage.until('waiting');
    expect(took).toBeLessThanOrEqual(40_000);
    expect(stage.events.at(-1)).toBe('link is dead: no answer to PING');
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
    stage.until('live');
  });

  it('is noticed within the keep-alive time and 30 s at most', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    stage.host.network.cutAll();
    expect(stage.until('waiting')).toBeLessThanOrEqual(330_000);
  });

  it('is not taken for one that sends: any byte is a sign of life', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    stage.reflector.peer.answersPings = false;
    for (let i = 0; i < 20; i++) {
      stage.reflector.peer.open(i, 9999);
      stage.run(15_000);
    }
    expect(stage.link.state).toBe('live');
    expect(stage.reflector.peer.take().filter((frame) => frame === 'ping')).toHaveLength(1);
  });

  it('is not taken for one that we do not read, because a local reader is slow', () => {
    const stage = new LinkStage({ keepAliveMs: 5000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer } = stage.reflector;
    peer.open(1, 80);
    stage.run(100);
    stage.host.network.bufferBytes = 1024;
    for (let i = 0; i < 200; i++) peer.data(1, pattern(2048));
    const { socket, received } = service.last;
    // Less than half a window in 60 s, but never nothing in a second.
    for (let i = 0; i < 120; i++) {
      socket.resume();
      stage.run(0.5);
      socket.pause();
      stage.run(499.5);
      expect(stage.link.state).toBe('live');
    }
    expect(received.length).toBeLessThan(200 * 2048);
    socket.resume();
    stage.run(20_000);
    expect(received.length).toBe(200 * 2048);
  });

  it('is noticed although the reflector goes on sending, when nothing of ours arrives', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const { peer } = stage.reflector;
    const agents = [...stage.host.network.sockets];
    // The first PING is answered; then a proxy on the way goes deaf in one direction.
    for (let i = 0; i < 70; i++) {
      stage.run(1000);
      peer.frame(encodeCredit(0, 1));
    }
    for (const socket of agents) socket.mute = true;
    for (let second = 0; second < 60 + 60 + 30 + 1; second++) {
      peer.frame(encodeCredit(0, 1));
      stage.run(1000);
    }
    expect(stage.events).toContain('link is dead: no answer to PING, although bytes come');
    stage.until('live');
  });

  it('is noticed although the reflector goes on sending, when nothing of ours goes out', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer } = stage.reflector;
    peer.answersPings = false;
    peer.open(1, 80);
    stage.run(100);
    for (const socket of stage.host.network.sockets) socket.mute = true;
    service.last.socket.write(pattern(500_000));
    for (let second = 0; second < 20 + 20 + 1; second++) {
      peer.frame(encodeCredit(1, 1));
      stage.run(1000);
    }
    expect(stage.events).toContain('link is dead: nothing of what is sent goes out');
  });

  it('is not taken for one that uploads slowly, with its PING behind all that', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer, last } = stage.reflector;
    peer.open(1, 80);
    stage.run(100);
    last.socket.pause();
    stage.host.network.bufferBytes = 3000;
    service.last.socket.write(pattern(2_000_000));
    for (let i = 0; i < 140; i++) {
      stage.run(1000);
      last.socket.resume();
      stage.run(0);
      last.socket.pause();
      expect(stage.link.state).toBe('live');
    }
  });
});

describe('a change of the network', () => {
  /** A link that has failed so often that it waits for long. */
  function waiting(answer: string | null): LinkStage {
    const stage = new LinkStage();
    if (answer === null) stage.host.network.places.clear();
    else stage.reflector.answer = () => answer;
    stage.link.start();
    for (;;) {
      stage.until('waiting');
      if (Number(stage.waits.at(-1)) > 60_000) return stage;
      stage.until('preparing');
    }
  }

  const mend = (stage: LinkStage) => {
    stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
    stage.reflector.answer = () => 'accept';
  };

  it('is waited for as long as the link is wanted', () => {
    const stage = new LinkStage();
    expect(stage.host.network.watchers).toBe(0);
    stage.live();
    expect(stage.host.network.watchers).toBe(1);
    stage.link.stop('agent stops');
    stage.until('idle');
    expect(stage.host.network.watchers).toBe(0);
    stage.link.start();
    stage.until('live');
    stage.link.disable('by hand');
    stage.until('disabled');
    expect(stage.host.network.watchers).toBe(0);
  });

  it.each([null, 'HTTP/1.1 403 x\r\n\r\n'])('ends the wait after a failure (%s)', (answer) => {
    const stage = waiting(answer);
    mend(stage);
    stage.host.network.change();
    expect(stage.until('live')).toBeLessThan(2000);
  });

  it('starts the back-off of faults anew, and not that of refusals', () => {
    for (const [answer, most, least] of [
      [null, 1000, 0],
      ['HTTP/1.1 403 x\r\n\r\n', 3_600_000, 60_000],
    ] as const) {
      const stage = waiting(answer);
      stage.host.network.change();
      stage.until('preparing');
      stage.until('waiting');
      expect(stage.waits.at(-1)).toBeLessThanOrEqual(most);
      expect(stage.waits.at(-1)).toBeGreaterThanOrEqual(least);
    }
  });

  it('does not end a wait that the reflector has asked for', () => {
    const stage = waiting('HTTP/1.1 503 x\r\nRetry-After: 600\r\n\r\n');
    mend(stage);
    stage.host.network.change();
    stage.run(500_000);
    expect(stage.link.state).toBe('waiting');
  });

  it('during an attempt is answered when that has failed', () => {
    const stage = new LinkStage();
    stage.host.network.places.set(`${LINK_ADDRESS}:80`, 'silent');
    stage.link.start();
    stage.until('connecting');
    stage.host.network.change();
    stage.run(1);
    mend(stage);
    expect(stage.until('live')).toBeLessThan(13_000);
  });

  it('makes a live link ask at once whether it still is', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    const { peer } = stage.reflector;
    stage.host.network.change();
    stage.host.network.change();
    stage.run(2000);
    expect(peer.take()).toEqual(['ping']);
    stage.run(200_000);
    expect(peer.take()).toEqual([]);
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
    stage.host.network.cutAll();
    stage.host.network.change();
    expect(stage.until('waiting')).toBeLessThan(12_000);
    expect(stage.until('live')).toBeLessThan(2000);
    // The silence before says nothing about middleboxes.
    expect(stage.keepAlives).toEqual([300_000, 300_000]);
  });

  it.each(['accept', 'HTTP/1.1 401 x\r\n\r\n'])(
    'that goes on for an hour makes no hammer of a link with the answer %j',
    (answer) => {
      const stage = new LinkStage({ keepAliveMs: 300_000 });
      stage.reflector.answer = () => answer;
      stage.link.start();
      for (let i = 0; i < 36_000; i++) {
        stage.host.network.change();
        stage.run(100);
      }
      expect(stage.host.handles.timers).toBe(1);
      const { connections, last } = stage.reflector;
      const asked = last.peer?.take().length ?? connections.length;
      expect(asked).toBeLessThan(150);
      expect(asked).toBeGreaterThan(50);
    },
  );

  it('leaves a link alone that is down, and one that closes', () => {
    for (const state of ['idle', 'disabled', 'closing'] as const) {
      const stage = stageIn(state);
      stage.host.network.change();
      stage.run(0);
      expect(stage.link.state).toBe(state);
    }
  });
});

describe('a process that was stopped, or a machine that slept', () => {
  it('does not take its own absence for the silence of the reflector', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const { peer } = stage.reflector;
    stage.run(60_000 - 100 - 1);
    // The PING goes out, and the PONG is there when the process goes on; but its timers come first.
    stage.run(2);
    stage.host.clock.suspend(3_600_000);
    stage.run(1000);
    expect(stage.link.state).toBe('live');
    expect(stage.reflector.connections).toHaveLength(1);
    expect(peer.take()).toEqual(['ping', 'ping']);
  });

  it('finds out within 10 s that the link has died meanwhile', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    stage.host.network.cutAll();
    stage.host.clock.suspend(3_600_000);
    expect(stage.until('waiting')).toBeLessThanOrEqual(10_000);
    stage.until('live');
  });

  it('dials when it should have dialled long ago', () => {
    const stage = new LinkStage();
    stage.reflector.answer = () => 'HTTP/1.1 403 x\r\n\r\n';
    stage.link.start();
    stage.until('waiting');
    stage.reflector.answer = () => 'accept';
    stage.host.clock.suspend(3_600_000);
    expect(stage.until('live')).toBeLessThan(100);
  });
});

describe('a middlebox that forgets silent connections', () => {
  it.each([20_000, 60_000, 100_000, 250_000])(
    'after %i ms is outwitted after a few links',
    (forgetsAfterMs) => {
      const stage = new LinkStage({ keepAliveMs: 300_000 });
      stage.host.network.forgetsAfterMs = forgetsAfterMs;
      stage.live();
      stage.run(3_600_000);
      const links = stage.reflector.connections.length;
      expect(links).toBeLessThanOrEqual(10);
      expect(stage.keepAlives.at(-1)).toBeLessThan(forgetsAfterMs);
      stage.run(86_400_000);
      expect(stage.reflector.connections).toHaveLength(links);
    },
  );

  it('by a reset is outwitted after two links', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    for (let i = 0; i < 2; i++) {
      stage.run(60_000);
      stage.reflector.peer.socket.destroy();
      stage.until('waiting');
      stage.until('live');
      stage.run(100);
    }
    expect(stage.keepAlives).toEqual([300_000, 300_000, 37_500]);
  });

  it('is not seen in a network that is away', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    for (let i = 0; i < 4; i++) {
      stage.host.network.cutAll();
      stage.host.network.places.clear();
      stage.until('waiting');
      stage.until('connecting');
      stage.until('waiting');
      stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
      stage.until('live');
      stage.run(100);
    }
    expect(new Set(stage.keepAlives)).toEqual(new Set([300_000]));
  });
});
