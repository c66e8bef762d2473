import type { Answer, OpenRoute } from '../ports/routes.ts';
import { StoreError } from '../ports/store.ts';
import type { PagesContext } from './context.ts';

/**
 * `/healthz`, and what load balancers ask the original's server. HAProxy's `option httpchk` sends no `Host`, in HTTP/1.0 or
 * HTTP/1.1, unless it is told to.
 */
export function healthRoutes(context: PagesContext): OpenRoute[] {
  return ['/healthz', '/my-devices/health.json'].map((path) => ({
    access: 'anyone',
    methods: ['GET', 'HEAD', 'OPTIONS'],
    path,
    withoutHost: true,
    answer: () => health(context),
  }));
}

/**
 * 200 while the data file answers and is the one that was opened; else 503 with what is wrong with it. Also 503 while the reflector
 * drains, or its presence takes no devices, though it serves whoever comes.
 */
async function health({
  store,
  draining,
  presence,
  log,
}: Pick<PagesContext, 'store' | 'draining' | 'presence' | 'log'>): Promise<Answer> {
  const takesDevices = presence.takesDevices ?? true;
  let status = draining.active || !takesDevices ? 503 : 200;
  let text = takesDevices ? 'ok' : 'takes no devices';
  if (draining.active) text = 'draining';
  try {
    await store.check();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.debug({ reason: error.message }, 'not healthy');
    status = 503;
    // Anybody may ask, so the answer does not contain the path.
    text = `${store.called ?? 'the data file'} cannot be used`;
  }
  return { status, type: 'application/json', body: `${JSON.stringify({ status: text })}\n` };
}
