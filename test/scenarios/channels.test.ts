import { createHash, randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { close, confirm, data, error, fault, hex, open, u16 } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { connectWith, expectAlive, modes } from './stage/modes.ts';
import { configuration, scenario } from './stage/stage.ts';
import { briefly } from './stage/wait.ts';

/** The local reader is this process: that it gets no time on a busy machine must not pass for a stall. */
const patient = { limits: { stallMs: 60_000 } };

/** The table of `webtunnel.md` section 2, row by row; each row holds with and without the extension. */

describe.concurrent.each(modes)('a channel %s', (_, mode) => {
  const connect = connectWith(mode);

  scenario('opens, carries data both ways and closes, byte for byte', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    tunnel.send(hex(`01 00 0001 ${u16(service.port)}`));
    await tunnel.expect(hex('11 00 0001'));
    const local = await service.connection();
    tunnel.send(hex('00 00 0001 68656c6c6f'));
    await local.expectText('hello');
    local.socket.write('world');
    await tunnel.expect(hex('00 00 0001 776f726c64'));
    local.socket.end();
    await tunnel.expect(hex('02 00 0001'));
    tunnel.send(hex('02 00 0001'));
    await local.closed;
  });

  scenario('uses the whole range of channel numbers', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    for (const channel of [0, 1, 0x00ff, 0x0100, 0xffff]) await expectAlive(tunnel, echo.port, channel);
  });

  scenario('to a port off the list is refused with fault 2', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const unlisted = await stage.service();
    const tunnel = await connect(stage, [echo.port]);
    tunnel.send(open(2, unlisted.port));
    await tunnel.expect(hex('81 00 0002 0002'));
    tunnel.send(open(2, 0));
    await tunnel.expect(hex('81 00 0002 0002'));
    await expectAlive(tunnel, echo.port);
  });

  scenario('to a port where nobody listens is refused with fault 3', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const port = await reservedPort();
    const tunnel = await connect(stage, [echo.port, port]);
    tunnel.send(open(3, port));
    await tunnel.expect(hex('81 00 0003 0003'));
    await expectAlive(tunnel, echo.port, 3);
  });

  scenario(
    'to a port that does not answer ends with fault 4, and others go on meanwhile',
    async ({ stage }) => {
      const echo = await stage.service(LocalService.echo);
      const silent = await stage.silentPort();
      const tunnel = await connect(stage, [echo.port, silent.port], { timeouts: { connect: briefly } });
      tunnel.send(open(4, silent.port));
      await expectAlive(tunnel, echo.port);
      await tunnel.expect(hex('81 00 0004 0004'));
    },
  );

  scenario('to a target that the kernel cannot reach is refused with fault 5', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    // TCP to the broadcast address of the loopback network fails at once, in the machine itself.
    const services = [{ port: echo.port }, { port: echo.port === 9 ? 10 : 9, target: '127.255.255.255' }];
    stage.agent(configuration(reflector, [], { services }));
    const tunnel = await reflector.tunnel(mode);
    tunnel.send(open(5, services[1]?.port ?? 0));
    await tunnel.expect(hex('81 00 0005 0005'));
    await expectAlive(tunnel, echo.port);
  });

  scenario('that is open already is refused with fault 7, and goes on', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    await tunnel.open(7, service.port);
    const local = await service.connection();
    tunnel.send(hex(`01 00 0007 ${u16(service.port)}`));
    await tunnel.expect(hex('81 00 0007 0007'));
    tunnel.send(data(7, 'still here'));
    await local.expectText('still here');
    local.socket.write('and back');
    await tunnel.expectText(7, 'and back');
  });

  scenario('that is still being opened is refused with fault 7 as well', async ({ stage }) => {
    const silent = await stage.silentPort();
    const tunnel = await connect(stage, [silent.port], { timeouts: { connect: briefly } });
    tunnel.send(open(7, silent.port));
    tunnel.send(open(7, silent.port));
    await tunnel.expect(fault(7, 7));
    await tunnel.expect(fault(7, 4));
  });

  scenario('unknown to the agent gets error 1 for its data', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    tunnel.send(hex('00 00 0009 ff'));
    await tunnel.expect(hex('80 00 0009 0001'));
    await expectAlive(tunnel, echo.port, 9);
  });

  scenario('gets no answer to close and error when it is unknown', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    for (const frame of [close(10), error(10, 5), error(10, 1)]) tunnel.send(frame);
    await expectAlive(tunnel, echo.port, 10);
  });

  scenario('gets error 6 for an unknown opcode, and the tunnel goes on', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    for (const opcode of ['03', '10', '41', '7f', 'ff']) {
      tunnel.send(hex(`${opcode} 00 000b`));
      await tunnel.expect(hex('80 00 000b 0006'));
    }
    tunnel.send(hex('21 00 000b 00000001'));
    await tunnel.expect(hex('80 00 000b 0006'));
    await expectAlive(tunnel, echo.port);
  });

  scenario('ends when an unknown opcode comes on it, and others go on', async ({ stage }) => {
    const service = await stage.service();
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [service.port, echo.port]);
    await tunnel.open(12, service.port);
    const local = await service.connection();
    tunnel.send(hex('30 00 000c'));
    await tunnel.expect(error(12, 6));
    await local.gone;
    await expectAlive(tunnel, echo.port, 12);
  });

  scenario.for([
    ['an open request without a port', '01 00 000d'],
    ['an open request with half a port', '01 00 000d 00'],
    ['a close with a payload', '02 00 000d 00'],
    ['an error without a number', '80 00 000d'],
  ])('gets error 6 for %s, and the tunnel goes on', async ([, frame = ''], { stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    tunnel.send(hex(frame));
    await tunnel.expect(error(13, 6));
    await expectAlive(tunnel, echo.port);
  });

  scenario.for(['', '00', '00 00', '00 00 00'])(
    'survives a frame of "%s", shorter than a header',
    async (frame, { stage }) => {
      const echo = await stage.service(LocalService.echo);
      const tunnel = await connect(stage, [echo.port]);
      tunnel.send(hex(frame));
      await tunnel.expect(error(0, 6));
      await expectAlive(tunnel, echo.port);
    },
  );

  scenario('reset by the local peer ends with error 5 and frees its number', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    for (let round = 0; round < 3; round++) {
      await tunnel.open(18, service.port);
      const local = await service.connection();
      local.socket.resetAndDestroy();
      await tunnel.expect(hex('80 00 0012 0005'));
    }
  });

  scenario('ended by an error of the reflector closes the local socket at once', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    await tunnel.open(20, service.port);
    const local = await service.connection();
    tunnel.send(hex('80 00 0014 0005'));
    await local.gone;
    // The number is free, and the agent had nothing to say to the error.
    await tunnel.open(20, service.port);
  });

  scenario('ended by an error while it is opened never confirms', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const silent = await stage.silentPort();
    const tunnel = await connect(stage, [echo.port, silent.port], { timeouts: { connect: briefly } });
    tunnel.send(open(21, silent.port));
    tunnel.send(error(21, 5));
    tunnel.send(open(22, silent.port));
    // The dial of 22 began later: its time-out comes after any answer for 21 would have.
    await tunnel.expect(fault(22, 4));
    expect(tunnel.pending(21)).toBe(0);
    await expectAlive(tunnel, echo.port, 21);
  });

  scenario('ends with error 4 when no data moves for the local time-out', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port], { timeouts: { local: 1 } });
    await tunnel.open(23, service.port);
    const local = await service.connection();
    await tunnel.expect(hex('80 00 0017 0004'));
    await local.gone;
  });

  scenario('gets fault 6 for data before its confirm', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const silent = await stage.silentPort();
    const tunnel = await connect(stage, [echo.port, silent.port]);
    tunnel.send(open(24, silent.port));
    tunnel.send(data(24, 'too early'));
    await tunnel.expect(fault(24, 6));
    await expectAlive(tunnel, echo.port, 24);
  });

  scenario('takes an empty data frame for what it is', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    await tunnel.open(25, echo.port);
    tunnel.send(data(25, ''));
    tunnel.send(data(25, 'x'));
    await tunnel.expectText(25, 'x');
  });

  scenario('carries 8 MiB each way unchanged', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port], patient);
    await tunnel.open(26, echo.port);
    const payload = randomBytes(8 << 20);
    const sending = tunnel.sendData(26, payload, 2048).then(() => tunnel.send(close(26)));
    const hash = createHash('sha256');
    for (let left = payload.length; left > 0; left -= 65_536) {
      hash.update(await tunnel.read(26, Math.min(left, 65_536)));
    }
    await sending;
    await tunnel.expect(close(26));
    expect(hash.digest('hex')).toBe(createHash('sha256').update(payload).digest('hex'));
  });

  scenario('is one of 200 at once, each with its own data', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port], patient);
    const channels = Array.from({ length: 200 }, (_unused, i) => i + 1);
    for (const channel of channels) tunnel.send(open(channel, echo.port));
    await Promise.all(channels.map((channel) => tunnel.expect(confirm(channel))));
    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      for (const channel of channels) tunnel.send(data(channel, `${channel}/${round} `.repeat(100)));
    }
    await Promise.all(
      channels.map(async (channel) => {
        for (let round = 0; round < rounds; round++) {
          await tunnel.expectText(channel, `${channel}/${round} `.repeat(100));
        }
        tunnel.send(close(channel));
        await tunnel.expect(close(channel));
      }),
    );
    await expectAlive(tunnel, echo.port, 1);
  });

  scenario('closes its local socket when the tunnel is lost', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel(mode);
    await tunnel.open(27, service.port);
    const local = await service.connection();
    tunnel.drop();
    await local.gone;
    const next = await reflector.tunnel(mode);
    next.send(data(27, 'whose?'));
    await next.expect(error(27, 1));
  });
});
