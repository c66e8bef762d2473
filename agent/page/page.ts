/** The script of the gateway's page, without a framework: it is part of an executable for small boards. Texts of devices only ever become text. */

type Fields = Record<string, unknown>;

interface Answer {
  readonly ok: boolean;
  readonly body: Fields;
}

/** One input of a form: the key that it sets, its label, and what it takes. */
type Field = readonly [
  key: string,
  label: string,
  kind: 'text' | 'number' | 'password' | 'flag' | readonly string[],
  needed?: boolean,
];

/** Without a choice, the default counts. */
const deviceFields: readonly Field[] = [
  ['id', 'ID', 'text', true],
  ['name', 'Name', 'text'],
  ['domain', 'Domain', 'text'],
  ['password', 'Password', 'password'],
  ['enrollKey', 'Enrolment key, instead of domain and password', 'password'],
];
const topFields: readonly Field[] = [
  ['target', 'Host name or address of the device', 'text', true],
  ['start', 'After a start of the gateway', ['enabled', 'disabled', 'onDemand']],
];
const serviceFields: readonly Field[] = [
  ['port', 'Port at the reflector', 'number', true],
  ['kind', 'Kind', ['http', 'https', 'ssh', 'vnc', 'rdp', 'tcp', 'app', 'vpn']],
  ['targetPort', 'Port of the device, if another', 'number'],
  ['name', 'Name', 'text'],
  ['path', 'First page', 'text'],
  ['target', 'Host, if another', 'text'],
  ['host', 'Host header', 'text'],
  ['connections', 'Connections at once', 'number'],
  ['responseTimeout', 'Response timeout: seconds, or 2m', 'number'],
  ['headers', 'Headers', ['all', 'few']],
  ['forwarded', 'X-Forwarded headers', ['yes', 'no']],
];
const tlsFields: readonly Field[] = [
  ['verify', 'https: check the certificate', ['yes', 'no']],
  ['pins', 'https: pins (sha256/…)', 'text'],
  ['minVersion', 'https: oldest TLS', ['1.0', '1.1', '1.2', '1.3']],
  ['name', 'https: name in the certificate', 'text'],
];

let proof = '';
/** Counts the views, so that an answer for one that is gone is dropped. */
let view = 0;
let lastInput = Date.now();

function find(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(selector);
  return found;
}

/** An element with properties and children; a text is never HTML. */
function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function button(text: string, run: () => unknown, type: 'button' | 'submit' = 'button'): HTMLButtonElement {
  const element = make('button', { type }, text);
  element.addEventListener('click', () => void run());
  return element;
}

function say(text: string, bad = false): void {
  const place = find('#said');
  place.textContent = text;
  place.className = bad ? 'bad' : '';
}

async function call(name: string, body: Fields = {}): Promise<Answer> {
  try {
    const response = await fetch(`api/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-RM-Proof': proof },
      body: JSON.stringify(body),
    });
    const json: unknown = await response
      .json()
      .catch(() => ({ error: `The gateway answers ${response.status}.` }));
    const answer = { ok: response.ok, body: fieldsOf(json) };
    if (response.status === 401 && proof !== '' && name !== 'password' && !name.startsWith('codes-')) {
      proof = '';
      void begin();
    }
    return answer;
  } catch {
    return { ok: false, body: { error: 'The gateway does not answer.' } };
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function problemsOf({ body }: Answer): string {
  return Array.isArray(body.problems) ? body.problems.map(textOf).join('\n') : textOf(body.error);
}

/** Shows a view; returns whether it is still the one shown. */
function show(...content: (Node | string)[]): () => boolean {
  const mine = ++view;
  say('');
  find('main').replaceChildren(...content);
  return () => mine === view;
}

function navigate(loggedIn: boolean): void {
  find('nav').replaceChildren(
    ...(loggedIn
      ? [
          button('Devices', showDevices),
          button('Add', () => showDevice(null)),
          button('Find', () => showNeighbours(null)),
          button('Import', showImport),
          button('Account', showAccount),
          button('Log out', async () => {
            await call('log-out');
            proof = '';
            await begin();
          }),
        ]
      : []),
  );
}

// ---- forms ----

function input(
  [key, label, kind, needed = false]: Field,
  value: unknown,
  placeholder = '',
): HTMLLabelElement {
  const shown =
    typeof value === 'boolean'
      ? value
        ? 'yes'
        : 'no'
      : Array.isArray(value)
        ? value.map(textOf).join(' ')
        : textOf(value);
  const control =
    typeof kind === 'string'
      ? make('input', {
          // A browser drops the text of a number that is none.
          type: kind === 'number' ? 'text' : kind,
          name: key,
          value: shown,
          required: needed,
          placeholder,
          autocomplete: kind === 'password' ? 'new-password' : 'off',
        })
      : make(
          'select',
          { name: key },
          ...['', ...kind].map((option) =>
            make('option', { value: option, selected: option === shown }, option || '(default)'),
          ),
        );
  return make('label', {}, label, control);
}

/** What a group of inputs says; what is empty is left out. */
function read(group: Element, fields: readonly Field[]): Fields {
  const result: Fields = {};
  for (const [key, , kind] of fields) {
    const control = group.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${key}"]`);
    const value = control?.value ?? '';
    if (value === '') continue;
    if (key === 'pins') result[key] = value.split(/[\s,]+/).filter((pin) => pin !== '');
    else if (kind === 'number' && /^\d+$/.test(value)) result[key] = Number(value);
    else result[key] = value === 'yes' ? true : value === 'no' ? false : value;
  }
  return result;
}

function form(
  submit: (form: HTMLFormElement) => Promise<void>,
  ...content: (Node | string)[]
): HTMLFormElement {
  const element = make('form', {}, ...content);
  let busy = false;
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say('…');
    void submit(element).finally(() => {
      busy = false;
    });
  });
  return element;
}

// ---- log-in ----

async function begin(): Promise<void> {
  const { body } = await call('session');
  proof = textOf(body.proof);
  navigate(proof !== '');
  if (proof !== '') await showDevices();
  else {
    if (body.setUp === true) showSetUp();
    else showLogIn();
    const visitor = textOf(body.visitor);
    if (visitor !== '') find('main').append(button(`Enter as ${visitor}`, () => enter('enter', {})));
  }
}

async function enter(name: string, body: Fields): Promise<void> {
  const answer = await call(name, body);
  if (answer.ok) await begin();
  else say(problemsOf(answer), true);
}

const passwordField: Field = ['password', 'Password', 'password', true];

function showLogIn(): void {
  const fields: readonly Field[] = [
    passwordField,
    ['code', 'Code of your authenticator, if you have set one up', 'text'],
  ];
  show(
    make('h1', {}, 'Log in'),
    form(
      (element) => enter('log-in', read(element, fields)),
      ...fields.map((field) => input(field, '')),
      button('Log in', () => undefined, 'submit'),
    ),
  );
}

function showSetUp(): void {
  const fields: readonly Field[] = [['code', 'Code', 'text', true], passwordField];
  show(
    make('h1', {}, 'Set the password'),
    make('p', {}, 'There is no password yet. "rm-agent status" on the gateway shows the code that you need.'),
    form(
      (element) => enter('set-up', read(element, fields)),
      ...fields.map((field) => input(field, '')),
      button('Set the password', () => undefined, 'submit'),
    ),
  );
}

// ---- devices ----

async function showDevices(): Promise<void> {
  const current = show(make('p', {}, '…'));
  const refresh = async () => {
    const { ok, body } = await call('devices');
    if (!current() || !ok) return;
    const rows = listOf(body.devices).map((device) => deviceRow(device, body.editable === true));
    for (const file of listOf(body.broken))
      rows.push(
        make(
          'tr',
          {},
          make('td', {}, textOf(file.name)),
          make('td', { className: 'bad', colSpan: 3 }, textOf(file.fault)),
          make('td'),
        ),
      );
    find('main').replaceChildren(
      make('h1', {}, 'Devices'),
      make(
        'table',
        {},
        make(
          'thead',
          {},
          make(
            'tr',
            {},
            ...['Device', 'Address', 'Tunnel', 'Reachable', ''].map((head) => make('th', {}, head)),
          ),
        ),
        make('tbody', {}, ...rows),
      ),
      ...(Array.isArray(body.faults)
        ? body.faults.map((fault) => make('p', { className: 'bad' }, textOf(fault)))
        : []),
      make(
        'small',
        {},
        `rm-agent ${textOf(body.version)}, ${Math.round(Number(body.residentMemory) / 1024)} KiB`,
      ),
    );
  };
  await refresh();
  // Nobody looks at a page that was left open, and its session is to end.
  const timer = setInterval(() => {
    if (!current()) clearInterval(timer);
    else if (!document.hidden && Date.now() - lastInput < 300_000) void refresh();
  }, 5000);
}

function deviceRow(device: Fields, editable: boolean): HTMLTableRowElement {
  const { ok, reason } = fieldsOf(device.reachability);
  const file = textOf(device.file);
  const error = textOf(device.lastError);
  return make(
    'tr',
    {},
    make('td', {}, make('strong', {}, textOf(device.id)), make('br'), textOf(device.name)),
    make('td', {}, textOf(device.target)),
    make(
      'td',
      { className: device.state === 'connected' ? 'good' : 'bad' },
      textOf(device.state),
      ...(error === '' ? [] : [make('br'), make('small', {}, error)]),
    ),
    make(
      'td',
      { className: ok === false ? 'bad' : '' },
      ok === true ? 'yes' : ok === false ? `no: ${textOf(reason)}` : '',
    ),
    make('td', {}, ...(editable && file !== '' ? [button('Edit', () => showDevice(file))] : [])),
  );
}

/** The form for one device; `file` `null`: a new one. `prefilled` is what it begins with. */
async function showDevice(file: string | null, prefilled: Fields = {}): Promise<void> {
  const current = show(make('p', {}, '…'));
  const loaded = file === null ? { ok: true, body: prefilled } : await call('device', { file });
  if (!current()) return;
  if (!loaded.ok) {
    say(problemsOf(loaded), true);
    return;
  }
  const { device, secrets, services, revision, kept, ...top } = loaded.body;
  const known = fieldsOf(secrets);
  const rows = make('div', {});
  /** Of services in the file, the port there. */
  const ports = new Map<Element, unknown>();
  const addRow = (service: Fields) => {
    const row = make(
      'fieldset',
      {},
      make('legend', {}, 'Service'),
      ...serviceFields.map((field) => input(field, service[field[0]])),
      make(
        'div',
        { className: 'tls' },
        ...tlsFields.map((field) => input(field, fieldsOf(service.tls)[field[0]])),
      ),
    );
    row.append(button('Remove', () => row.remove()));
    ports.set(row, service.port);
    rows.append(row);
  };
  const given = listOf(services);
  for (const service of given.length === 0 ? [{ port: 80 }] : given) addRow(service);
  const findings = make('ul', {});
  const edited = (element: HTMLFormElement) => ({
    file,
    revision,
    device: {
      ...read(find('#top'), topFields),
      device: { ...leftAlone(fieldsOf(device), deviceFields), ...read(find('#identity'), deviceFields) },
      services: [...element.querySelectorAll('fieldset')]
        .filter(({ id }) => id === '')
        .map((row) => {
          const tls = read(row.querySelector('.tls') ?? row, tlsFields);
          return {
            was: ports.get(row) ?? null,
            ...read(row, serviceFields),
            ...(Object.keys(tls).length === 0 ? {} : { tls }),
          };
        }),
    },
  });
  const element = form(
    async (sent) => {
      const answer = await call('save', edited(sent));
      if (!answer.ok) say(problemsOf(answer), true);
      else {
        await showDevices();
        say('Saved.');
      }
    },
    make(
      'fieldset',
      { id: 'identity' },
      make('legend', {}, 'Device'),
      ...deviceFields.map((field) =>
        input(field, fieldsOf(device)[field[0]], known[field[0]] === true ? 'set; empty: stays' : ''),
      ),
    ),
    make(
      'fieldset',
      { id: 'top' },
      make('legend', {}, 'Target'),
      ...topFields.map((field) => input(field, top[field[0]])),
    ),
    rows,
    make(
      'div',
      { className: 'row' },
      button('Add a service', () => addRow({})),
      button('Test', async () => {
        findings.replaceChildren(make('li', {}, '…'));
        const answer = await call('test', edited(element));
        const problems = Array.isArray(answer.body.problems)
          ? answer.body.problems
          : answer.ok
            ? []
            : [answer.body.error];
        findings.replaceChildren(
          ...problems.map((problem) => make('li', { className: 'bad' }, textOf(problem))),
          ...listOf(answer.body.findings).map(({ ok, text }) =>
            make('li', { className: ok === true ? 'good' : 'bad' }, textOf(text)),
          ),
        );
      }),
      button('Save', () => undefined, 'submit'),
      ...(file === null
        ? []
        : [
            button('Delete', async () => {
              if (!confirm(`Delete ${file}?`)) return;
              const answer = await call('remove', { file, revision });
              if (!answer.ok) say(problemsOf(answer), true);
              else {
                await showDevices();
                say('Deleted.');
              }
            }),
          ]),
    ),
    findings,
    ...(Array.isArray(kept) && kept.length > 0
      ? [make('small', {}, `Also in the file, and left as it is: ${kept.map(textOf).join(', ')}`)]
      : []),
  );
  find('main').replaceChildren(make('h1', {}, file ?? 'New device'), element);
}

/** Shows what the gateway has heard of lately, for devices that are not listed yet; `services`: what a search has found. */
async function showNeighbours(services: readonly Fields[] | null): Promise<void> {
  const current = show(make('p', {}, '…'));
  const answer = await call('neighbours');
  if (!current()) return;
  if (!answer.ok) {
    say(problemsOf(answer), true);
    return;
  }
  const search = async () => {
    say('Searching …');
    const found = await call('search');
    if (!current()) return;
    if (found.ok) await showNeighbours(listOf(found.body.services));
    else say(problemsOf(found), true);
  };
  find('main').replaceChildren(
    ...(services === null
      ? []
      : [
          make('h1', {}, 'Services'),
          ...(services.length === 0 ? ['Nobody has answered.'] : []),
          foundTable(services, ['address', 'name', 'type', 'port'], ({ address, name, kind, port }) => ({
            target: address,
            device: { name },
            services: [{ port: port ?? 80, kind }],
          })),
        ]),
    make('h1', {}, 'Neighbours'),
    make(
      'p',
      {},
      'Machines with which the gateway has exchanged packets lately. To find more, it asks once by multicast DNS, when you say so.',
    ),
    button('Search the network', search),
    foundTable(listOf(answer.body.neighbours), ['address', 'hardware', 'interface'], ({ address }) => ({
      target: address,
    })),
  );
}

/** One row for each of what was found, with what a new device begins with. */
function foundTable(
  found: readonly Fields[],
  keys: readonly string[],
  device: (one: Fields) => Fields,
): HTMLTableElement {
  const rows = found.map((one) =>
    make(
      'tr',
      {},
      ...keys.map((key) => make('td', {}, textOf(one[key]))),
      make('td', {}, one.listed === true ? 'listed' : button('Add', () => showDevice(null, device(one)))),
    ),
  );
  return make('table', {}, make('tbody', {}, ...rows));
}

/** The text of a properties file, as `rm-agent import` reads it: UTF-8, and Latin-1 where it is no UTF-8. */
async function propertiesText(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // What TextDecoder calls Latin-1 is Windows-1252.
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

/** Shows what a folder of the original gateway would become, and then saves it. */
function showImport(): void {
  const list = make('ul', {});
  const go = make('div', {});
  const line = (className: string, text: string) => list.append(make('li', { className }, text));
  const choose = make('input', { type: 'file', multiple: true, webkitdirectory: true });
  const current = show(
    make('h1', {}, 'Import'),
    make('label', {}, 'Folder of the original gateway (*.properties)', choose),
    list,
    go,
  );
  choose.addEventListener('change', async () => {
    list.replaceChildren();
    go.replaceChildren();
    const files = [...(choose.files ?? [])].filter(({ name }) => name.endsWith('.properties'));
    const isOwn = ({ name }: File) => name === 'rmgateway.properties';
    const own = files.find(isOwn);
    const common = own ? await propertiesText(own) : '';
    const ready = new Map<string, readonly [file: string, device: Fields]>();
    if (files.length === 0) line('bad', 'There is no *.properties in this folder.');
    for (const file of files.filter((given) => !isOwn(given))) {
      const answer = await call('import', { text: await propertiesText(file), common });
      if (!current()) return;
      const device = fieldsOf(answer.body.device);
      const id = textOf(fieldsOf(device.device).id);
      const tell = (className: string, texts: unknown) => {
        for (const text of Array.isArray(texts) ? texts : [texts])
          line(className, `${file.name}: ${textOf(text)}`);
      };
      const { problems } = answer.body;
      if (!answer.ok || (Array.isArray(problems) && problems.length > 0))
        tell('bad', problems ?? answer.body.error);
      else if (ready.has(id)) tell('bad', `device.id: found "${id}", which another file has already`);
      else {
        ready.set(id, [file.name, device]);
        const ports = listOf(device.services).map(({ port }) => textOf(port));
        tell('good', `${id}, ${textOf(device.target)}, ports ${ports.join(', ')}`);
      }
      tell('', answer.body.remarks ?? []);
    }
    if (ready.size === 0) return;
    const start = button(`Import ${ready.size}`, async () => {
      start.disabled = true;
      list.replaceChildren();
      for (const [id, [name, device]] of ready) {
        const answer = await call('save', { file: null, device });
        if (!current()) return;
        line(answer.ok ? 'good' : 'bad', `${name}: ${answer.ok ? `${id} is saved` : problemsOf(answer)}`);
      }
      say('Imported.');
    });
    go.append(start);
  });
}

/** What the form has no input for. */
function leftAlone(before: Fields, fields: readonly Field[]): Fields {
  return Object.fromEntries(Object.entries(before).filter(([key]) => !fields.some(([name]) => name === key)));
}

// ---- account ----

async function showAccount(): Promise<void> {
  const current = show(make('p', {}, '…'));
  const { body } = await call('session');
  if (!current()) return;
  const codes = body.codes === true;
  const proofFields: readonly Field[] = codes
    ? [passwordField, ['code', 'Code', 'text', true]]
    : [passwordField];
  const nextField: Field = ['next', 'New password', 'password', true];
  const done = (answer: Answer, text: string) => say(answer.ok ? text : problemsOf(answer), !answer.ok);
  const offer = make('div', {});
  find('main').replaceChildren(
    make('h1', {}, 'Account'),
    make('h2', {}, 'Password'),
    form(
      async (element) =>
        done(await call('password', read(element, [...proofFields, nextField])), 'The password has changed.'),
      ...[...proofFields, nextField].map((field) => input(field, '')),
      button('Change', () => undefined, 'submit'),
    ),
    make('h2', {}, 'One-time codes'),
    codes
      ? form(
          async (element) => {
            const answer = await call('codes-end', read(element, proofFields));
            if (answer.ok) await showAccount();
            done(answer, 'No more codes are asked for.');
          },
          ...proofFields.map((field) => input(field, '')),
          button('Turn off', () => undefined, 'submit'),
        )
      : button('Turn on', async () => {
          const secret = textOf((await call('codes-offer')).body.secret);
          const fields: readonly Field[] = [passwordField, ['code', 'Code that it shows', 'text', true]];
          offer.replaceChildren(
            make('p', {}, 'Add this secret to your authenticator: ', make('code', {}, secret)),
            make(
              'a',
              { href: `otpauth://totp/rm-agent%20gateway?secret=${secret}&issuer=rm-agent` },
              'Open the authenticator',
            ),
            form(
              async (element) => {
                const answer = await call('codes-confirm', read(element, fields));
                if (answer.ok) await showAccount();
                done(answer, 'From now on, a code is asked for.');
              },
              ...fields.map((field) => input(field, '')),
              button('Confirm', () => undefined, 'submit'),
            ),
          );
        }),
    offer,
  );
}

for (const name of ['pointerdown', 'keydown'])
  addEventListener(name, () => {
    lastInput = Date.now();
  });
void begin();
