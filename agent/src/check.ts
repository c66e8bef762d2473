import type { Configuration } from './config/configuration.ts';
import { dialSettings } from './dial-settings.ts';
import type { Host } from './host/host.ts';
import { defaultLimits } from './limits.ts';
import { Attempt } from './link/attempt.ts';
import { formatHttpUri } from './protocol/index.ts';

/**
 * `rm-agent check`: dials once and reports each step; `done` is told whether the reflector took the tunnel. A
 * reflector replaces the tunnel of a running agent of the same identity, which then dials again.
 */
export function check(host: Host, configuration: Configuration, done: (connected: boolean) => void): void {
  const report = (mark: 'ok' | 'FAILED', step: string, detail: string) =>
    host.system.print(1, `${mark.padEnd(7)}${step.padEnd(14)}${detail}\n`);
  const settings = dialSettings(host, configuration, defaultLimits, []);
  if ('error' in settings) {
    report('FAILED', 'configuration', settings.error);
    done(false);
    return;
  }
  new Attempt(host, settings, {
    step: () => undefined,
    passed: (step, detail) => report('ok', step, detail),
    upgraded: ({ socket, uri }) => {
      report('ok', 'upgrade', formatHttpUri(uri));
      socket.destroy();
      done(true);
    },
    failed: ({ step, message }) => {
      report('FAILED', step, message);
      done(false);
    },
  });
}
