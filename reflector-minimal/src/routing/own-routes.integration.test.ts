import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { routesConformance } from '../ports/conformance/routes.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { authorization, Stage, user } from '../testing/stage.ts';

const formBytes = 32;

routesConformance(async (routes) => {
  const clock = new ManualClock();
  const stage = await Stage.open({ clock, routes, limits: { formBytes, exchangesPerUser: 2, closeMs: 50 } });
  const session = await BrowserSession.open(stage, clock);
  return {
    port: stage.port,
    program: { Authorization: authorization },
    browser: { Cookie: session.ownCookie },
    proof: 'password',
    origin: 'http://localhost',
    devicePage: 'http://dev1.localhost',
    formBytes,
    concurrency: 2,
    revoke: async () => {
      await stage.reflector.store.users.setPassword(user.name, 'another');
      clock.advance(defaultLimits.storePollMs);
    },
    close: () => stage.close(),
  };
});
