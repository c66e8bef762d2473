import type { Configuration } from './config/configuration.ts';
import { dialSettings } from './dial-settings.ts';
import type { Host } from './host/host.ts';
import { defaultLimits } from './limits.ts';
import { Attempt, type Upgraded } from './link/attempt.ts';
import { closePayload, formatHttpUri, WebSocketOpcode } from './protocol/index.ts';
import { describeProxy } from './proxy/route.ts';
import { clockWarning, judgedByBuild } from './tls/news.ts';
import { certificateExpiry, expiryWarning } from './tls/own-certificate.ts';
import { FrameQueue } from './tunnel/frame-queue.ts';

/** How long the reflector may take to answer the close frame, in milliseconds. */
const CLOSING_MS = 2000;

/**
 * `rm-agent check`: makes one attempt and reports each step of each way that it tries; `done` is told whether the reflector took the tunnel. A
 * reflector replaces the tunnel of a running agent of the same identity, which then dials again.
 */
export function check(host: Host, configuration: Configuration, done: (connected: boolean) => void): void {
  const report = (mark: 'try' | 'ok' | 'FAILED', step: string, detail: string) =>
    host.system.print(1, `${mark.padEnd(7)}${step.padEnd(14)}${detail}\n`);
  const settings = dialSettings(host, configuration, defaultLimits, []);
  if ('error' in settings) {
    report('FAILED', 'configuration', settings.error);
    done(false);
    return;
  }
  if (settings.trusted !== null) report('ok', 'trusted', settings.trusted);
  const judgedAt = judgedByBuild(settings);
  if (judgedAt !== null) report('ok', 'clock', clockWarning(host.clock.date(), judgedAt));
  const warning = expiryWarning(certificateExpiry(host, configuration.tls), judgedAt ?? host.clock.date());
  if (warning !== null) report('ok', 'certificate', `${configuration.tls.cert} ${warning}`);
  new Attempt(host, settings, {
    step: () => undefined,
    trying: ({ uri, route }) => {
      const way = route ? ` through proxy ${describeProxy(route)}` : '';
      report('try', 'reflector', `${formatHttpUri(uri)}${way}`);
    },
    passed: (step, detail) => report('ok', step, detail),
    upgraded: (connection) => {
      report('ok', 'upgrade', formatHttpUri(connection.uri));
      leave(host, connection, () => done(true));
    },
    lost: ({ step, message }) => report('FAILED', step, message),
    failed: () => done(false),
  });
}

/** Closes the tunnel as RFC 6455 section 7.1.2 wants it, so that the reflector sees no broken device. */
function leave(host: Host, { socket, deliverTo }: Upgraded, done: () => void): void {
  const finish = () => {
    deadline.cancel();
    socket.destroy();
    done();
  };
  const deadline = host.clock.schedule(CLOSING_MS, finish);
  deliverTo({ data: () => undefined, taken: () => undefined, ended: finish, closed: finish });
  const code = closePayload(1000);
  const queue = new FrameQueue(socket, host.clock, host.crypto, code.length);
  queue.message(WebSocketOpcode.close, code);
  queue.flush();
  socket.end();
}
