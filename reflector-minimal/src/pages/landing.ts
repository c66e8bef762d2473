import { servicesOf } from '../devices/services.ts';
import { portSuffix } from '../http/host-names.ts';
import { type Html, html } from '../http/html.ts';
import type { Look } from '../http/look.ts';
import type { Origin } from '../http/origin.ts';
import { page } from '../http/page.ts';
import type { Identity } from '../ports/identity.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import type { DeviceRecord } from '../ports/store.ts';
import { mayOpen, openedPort } from '../rights/opened-port.ts';
import { logOutForm } from './account-page.ts';
import { choosePath } from './choose-device.ts';
import type { PagesContext } from './context.ts';
import { type DevicePage, pageOfDevices } from './device-page.ts';

/** For how long a duplicate identity is shown after it was last noticed. */
export const duplicateShownMs = 24 * 3600_000;

/** The page on the reflector's own host: the devices that this user sees, who is on line, and the way to each. */
export async function landingPage(
  context: PagesContext,
  origin: Origin,
  identity: Identity,
  asked: DevicePage,
  look: Look,
): Promise<string> {
  const { user, session } = identity;
  const { devices, next } = await pageOfDevices(context, identity, asked);
  const rows = await Promise.all(devices.map((device) => row(context, origin, identity, device)));
  const unclaimed = { domains: null, claimed: false };
  const waiting = user.role === 'administrator' ? await context.store.devices.count(unclaimed) : 0;
  return page(
    'Devices',
    html`<header><h1>Devices</h1>
<nav><span class="quiet">${user.name}</span>${session ? html` <a href="/account">Account</a> ${logOutForm(look)}` : html``}</nav></header>
${
  devices.length === 0 && asked.after === ''
    ? user.role === 'administrator'
      ? html`<p>There is no device yet. Add one with the command <code>device add ID</code>.</p>`
      : html`<p>No device is yours to see yet. An administrator grants domains of devices.</p>`
    : html`<div class="scroll"><table>
<thead><tr><th>Device</th><th>State</th><th>Web interface</th><th>Version</th><th>Address</th></tr></thead>
<tbody>
${rows}</tbody>
</table></div>`
}
${asked.after === '' ? html`` : html`<p><a href="/">First devices</a></p>`}${next === null ? html`` : html`<p><a href="/?after=${encodeURIComponent(next)}">More devices</a></p>`}
${waiting > 0 ? html`<p class="warning">${waiting} unknown ${waiting === 1 ? 'device waits' : 'devices wait'} for the command <code>device claim ID</code>.</p>` : html``}`,
    look,
  );
}

async function row(
  context: PagesContext,
  origin: Origin,
  identity: Identity,
  device: DeviceRecord,
): Promise<Html> {
  const connected = context.presence.locate(device);
  const { name, version } = connected?.properties ?? device.properties;
  const duplicate =
    device.duplicateNoticed !== null && context.clock.date() - device.duplicateNoticed < duplicateShownMs;
  return html`<tr>
<td>${name ? html`${name}<br><code class="quiet">${device.id}</code>` : html`<code>${device.id}</code>`}</td>
<td>${connected ? html`<span class="on">on line</span>` : html`off line<br><span class="quiet">${lastSeen(device)}</span>`}${
    duplicate ? html`<br><span class="warning">two devices use this identity</span>` : html``
  }</td>
<td>${connected ? await link(context, origin, identity, device, connected) : html`–`}</td>
<td>${version ?? '–'}</td>
<td>${connected?.address ?? (device.address || '–')}</td>
</tr>
`;
}

async function link(
  context: PagesContext,
  origin: Origin,
  identity: Identity,
  device: DeviceRecord,
  connected: OnlineDevice,
): Promise<Html> {
  const { id } = device;
  const services = servicesOf(connected);
  if (services.httpPort === null) return html`none`;
  const access = await context.rights.deviceAccess(identity, device);
  if (!access || !mayOpen(access, openedPort(connected, services.httpPort))) return html`–`;
  const authority = `${id}.${context.domain}${portSuffix(origin.authority)}`;
  const address = html`<a href="${origin.protocol}://${authority}${services.httpPath}">${authority}</a>`;
  if (context.cookieHost === null) return address;
  return html`${address}<form method="post" action="${choosePath}">
<input type="hidden" name="device" value="${id}"><button>Show on ${context.cookieHost}</button></form>`;
}

function lastSeen({ lastSeen, lastConnect }: DeviceRecord): string {
  const time = lastSeen ?? lastConnect;
  return time === null
    ? 'never seen'
    : `since ${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
