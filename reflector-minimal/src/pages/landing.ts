import { servicesOf } from '../devices/services.ts';
import { portSuffix } from '../http/host-names.ts';
import { type Html, html } from '../http/html.ts';
import { type Look, type Wording, wording } from '../http/look.ts';
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
  const said = wording(look);
  const rows = await Promise.all(devices.map((device) => row(context, origin, identity, device, said)));
  const unclaimed = { domains: null, claimed: false };
  const waiting = user.role === 'administrator' ? await context.store.devices.count(unclaimed) : 0;
  const title = said('landing.title', 'Devices');
  return page(
    title,
    html`<header><h1>${title}</h1>
<nav><span class="quiet">${user.name}</span>${session ? html` <a href="/account">${said('landing.account', 'Account')}</a> ${logOutForm(look)}` : html``}</nav></header>
${
  devices.length === 0 && asked.after === ''
    ? user.role === 'administrator'
      ? html`<p>${said('landing.none', 'There is no device yet. You add one with this command:')} <code>device add ID</code></p>`
      : html`<p>${said('landing.noneGranted', 'No device is yours to see yet. An administrator grants domains of devices.')}</p>`
    : html`<div class="scroll"><table>
<thead><tr><th>${said('landing.device', 'Device')}</th><th>${said('landing.state', 'State')}</th><th>${said('landing.web', 'Web interface')}</th><th>${said('landing.version', 'Version')}</th><th>${said('landing.address', 'Address')}</th></tr></thead>
<tbody>
${rows}</tbody>
</table></div>`
}
${asked.after === '' ? html`` : html`<p><a href="/">${said('landing.first', 'First devices')}</a></p>`}${next === null ? html`` : html`<p><a href="/?after=${encodeURIComponent(next)}">${said('landing.more', 'More devices')}</a></p>`}
${waiting > 0 ? html`<p class="warning">${waiting === 1 ? said('landing.waits.one', 'An unknown device waits for this command:') : said('landing.waits.other', '{count} unknown devices wait for this command:', { count: waiting })} <code>device claim ID</code></p>` : html``}`,
    look,
  );
}

async function row(
  context: PagesContext,
  origin: Origin,
  identity: Identity,
  device: DeviceRecord,
  said: Wording,
): Promise<Html> {
  const connected = context.presence.locate(device);
  const { name, version } = connected?.properties ?? device.properties;
  const duplicate =
    device.duplicateNoticed !== null && context.clock.date() - device.duplicateNoticed < duplicateShownMs;
  return html`<tr>
<td>${name ? html`${name}<br><code class="quiet">${device.id}</code>` : html`<code>${device.id}</code>`}</td>
<td>${connected ? html`<span class="on">${said('landing.online', 'on line')}</span>` : html`${said('landing.offline', 'off line')}<br><span class="quiet">${lastSeen(device, said)}</span>`}${
    duplicate
      ? html`<br><span class="warning">${said('landing.duplicate', 'two devices use this identity')}</span>`
      : html``
  }</td>
<td>${connected ? await link(context, origin, identity, device, connected, said) : html`–`}</td>
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
  said: Wording,
): Promise<Html> {
  const { id } = device;
  const services = servicesOf(connected);
  if (services.httpPort === null) return html`${said('landing.noWeb', 'none')}`;
  const access = await context.rights.deviceAccess(identity, device);
  if (!access || !mayOpen(access, openedPort(connected, services.httpPort))) return html`–`;
  const authority = `${id}.${context.domain}${portSuffix(origin.authority)}`;
  const address = html`<a href="${origin.protocol}://${authority}${services.httpPath}">${authority}</a>`;
  if (context.cookieHost === null) return address;
  return html`${address}<form method="post" action="${choosePath}">
<input type="hidden" name="device" value="${id}"><button>${said('landing.showOn', 'Show on {host}', { host: context.cookieHost })}</button></form>`;
}

function lastSeen({ lastSeen, lastConnect }: DeviceRecord, said: Wording): string {
  const time = lastSeen ?? lastConnect;
  return time === null
    ? said('landing.never', 'never seen')
    : said('landing.since', 'since {time}', {
        time: `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      });
}
