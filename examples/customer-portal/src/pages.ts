import type { CustomerDevice } from './fleet.ts';

/** Text for HTML: names come from devices. */
const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const document = (body: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Portal</title>${body}</html>`;

export function logInPage(fault = ''): string {
  return document(
    `<h1>Your devices</h1><p>${escaped(fault)}</p><form method="post" action="/log-in">
<label>Name <input name="name" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button></form>`,
  );
}

export function devicesPage(customer: string, devices: readonly CustomerDevice[]): string {
  const rows = devices.map(({ id, name, online }) => {
    const open = online
      ? `<form method="post" action="/open/${escaped(id)}"><button>Open</button></form>`
      : 'off line';
    return `<tr><td>${escaped(name ?? id)}</td><td>${open}</td></tr>`;
  });
  return document(`<h1>Devices of ${escaped(customer)}</h1><table>${rows.join('')}</table>`);
}
