import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, scenario } from './stage/stage.ts';

/** Redirects of the upgrade: `webtunnel.md` section 1. */

describe.concurrent('a redirect', () => {
  scenario('leads to another reflector, with the same credentials', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const home = await stage.reflector();
    const away = await stage.reflector();
    stage.agent(configuration(home, [echo.port]));
    const first = await home.upgrade();
    first.refuse('302 Found', `Location: ${away.uri}other?path=1`);
    const second = await away.upgrade();
    expect(second.target).toBe('/other?path=1');
    expect(second.header('Host')).toBe(`127.0.0.1:${away.port}`);
    expect(second.header('Authorization')).toBe(first.header('Authorization'));
    const tunnel = second.accept();
    await tunnel.open(1, echo.port);
  });

  scenario('holds for one connection: the next one starts at the configured URI', async ({ stage }) => {
    const home = await stage.reflector();
    const away = await stage.reflector();
    stage.agent(configuration(home, [1]));
    (await home.upgrade()).refuse('302 Found', `Location: ${away.uri}`);
    (await away.tunnel()).drop();
    await home.tunnel();
  });

  scenario('to a reflector that is away ends at the configured URI again', async ({ stage }) => {
    const home = await stage.reflector();
    const away = `http://127.0.0.1:${await reservedPort()}/`;
    stage.agent(configuration(home, [1]));
    (await home.upgrade()).refuse('302 Found', `Location: ${away}`);
    await home.tunnel();
  });

  scenario('to a reflector that refuses ends at the configured URI again', async ({ stage }) => {
    const home = await stage.reflector();
    const away = await stage.reflector();
    stage.agent(configuration(home, [1]));
    (await home.upgrade()).refuse('302 Found', `Location: ${away.uri}`);
    (await away.upgrade()).refuse('503 Service Unavailable');
    await home.tunnel();
  });

  scenario('in a circle comes to an end', async ({ stage }) => {
    const home = await stage.reflector();
    const agent = stage.agent(configuration(home, [1], { reconnect: { min: 600, max: 600 } }));
    let rounds = 0;
    let ended = false;
    const logged = agent.logged(/redirect/i).then(() => {
      ended = true;
    });
    while (!ended && rounds < 50) {
      const upgrade = await Promise.race([home.upgrade(), logged]);
      if (!upgrade) break;
      rounds++;
      upgrade.refuse('302 Found', `Location: ${home.uri}`);
    }
    await logged;
    expect(rounds).toBeLessThan(20);
  });

  scenario.for(['', 'Location: ftp://127.0.0.1/', 'Location: http://'])(
    'with "%s" is tried again at the configured URI',
    async (line, { stage }) => {
      const reflector = await stage.reflector();
      stage.agent(configuration(reflector, [1]));
      (await reflector.upgrade()).refuse('302 Found', ...(line ? [line] : []));
      await reflector.tunnel();
    },
  );
});
