import { portSuffix } from '../http/host-names.ts';
import { openDevice, openPath } from '../isolation/device-log-in.ts';
import type { Route, UserCall, UserRoute } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import { chooseDevice, choosePath } from './choose-device.ts';
import type { PagesContext } from './context.ts';
import { deviceDetails } from './device-details.ts';
import { deviceList, deviceListPath } from './device-list.ts';
import { readDevicePage } from './device-page.ts';
import { type Result, redirect } from './exchange.ts';
import { healthRoutes } from './health.ts';
import { landingPage } from './landing.ts';
import { logInRoutes } from './log-in.ts';
import { tokenRoutes } from './token-endpoint.ts';

type Handler = (context: PagesContext, call: UserCall) => Result | Promise<Result>;

/** The reflector's own pages and interfaces. */
export function ownPages(context: PagesContext): Route[] {
  const route = (methods: UserRoute['methods'], path: string, handle: Handler): UserRoute => ({
    access: 'user',
    methods,
    path,
    answer: (call) => handle(context, call),
  });
  return [
    ...healthRoutes(context),
    ...tokenRoutes(context),
    ...logInRoutes(context),
    route(['GET', 'HEAD'], '/', showDevices),
    route(['GET', 'HEAD'], deviceListPath, listDevices),
    route(['GET', 'HEAD'], `${deviceListPath}/*`, describeDevice),
    route(['GET'], openPath, open),
    route(['POST'], choosePath, chooseDevice),
  ];
}

async function showDevices(
  context: PagesContext,
  { query, origin, identity, look }: UserCall,
): Promise<Result> {
  const page = readDevicePage(query, context.limits);
  if ('error' in page) return page;
  const { cookieHost } = context;
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body: await landingPage(context, origin, identity, page, look),
    // The form that chooses a device leads to it.
    formTargets:
      cookieHost === null ? [] : [`${origin.protocol}://${cookieHost}${portSuffix(origin.authority)}`],
  };
}

async function listDevices(context: PagesContext, { query, identity }: UserCall): Promise<Result> {
  const page = readDevicePage(query, context.limits);
  if ('error' in page) return page;
  return { status: 200, type: 'application/json', body: await deviceList(context, identity, page) };
}

/** The ids of devices need no percent-encoding. */
async function describeDevice(
  context: PagesContext,
  { parameters: [id = ''], identity, origin }: UserCall,
): Promise<Result> {
  const details = await deviceDetails(context, identity, id);
  if (details !== null) return { status: 200, type: 'application/json', body: details };
  const unknown = refusals.unknownDevice(id);
  context.audit.count({
    event: 'request',
    user: identity.user.name,
    by: identity.by,
    address: origin.address,
    allowed: false,
    reason: unknown.error,
  });
  return unknown;
}

async function open(context: PagesContext, { query, origin, identity }: UserCall): Promise<Result> {
  const opened = await openDevice(context, query, origin, identity);
  return 'status' in opened ? opened : redirect(opened.location);
}
