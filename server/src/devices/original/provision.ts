import { randomUUID } from 'node:crypto';
import { normalizeDeviceId } from 'rm-reflector';
import { type Answer, type Form, StoreUnavailable, type UserCall, type UserRoute } from 'rm-reflector/ports';
import type { Caller } from '../../api/endpoint.ts';
import { conflict, forbidden, Problem } from '../../api/problem.ts';
import { basePath, callerNow, countCall, refused } from '../../api/routes.ts';
import { validator } from '../../api/validation.ts';
import { agentConfiguration } from '../agent-configuration.ts';
import { type DevicesContext, deviceFor, domainForNew } from '../context.ts';
import { agentUrl } from '../device-secret.ts';
import { resetPassword } from '../endpoints/reset-device-password.ts';
import { addDevice } from '../new-device.ts';
import { description, deviceId, domainId, name, queryProblem } from '../schemas.ts';
import { agentProperties, type OriginalPorts } from './agent-properties.ts';

const kinds = ['httpPort', 'sshPort', 'vncPort', 'rdpPort'] as const;
const known = ['device', 'id', 'mac', 'domain', 'name', 'description', 'ports', ...kinds] as const;
type Field = (typeof known)[number];
type Fields = Readonly<Partial<Record<Field, string>>>;

const checks = {
  id: validator<string>(deviceId, 'query'),
  domain: validator<string>(domainId, 'query'),
  name: validator<string>(name, 'query'),
  description: validator<string>(description, 'query'),
};

/**
 * `GET` and `POST /my-devices/api/provision`: a ready file for the agent of a new device, or with `device=ID` of one that exists.
 * What a browser adds by itself does not count here: a link could add a device.
 */
export function provisionRoute(context: DevicesContext): UserRoute {
  return {
    access: 'user',
    methods: ['GET', 'POST'],
    path: `${basePath}/provision`,
    proofs: ['token', 'password'],
    otherMethods: 'not allowed',
    refuse: refused,
    answer: async (call) => {
      try {
        return await provision(context, call);
      } catch (error) {
        if (error instanceof Problem) return error.answer();
        if (!(error instanceof StoreUnavailable)) throw error;
        const headers = { 'Retry-After': '5' };
        return new Problem(503, 'The store cannot be used just now', { headers }).answer();
      }
    },
  };
}

type Note = (device: string, detail: string) => void;

async function provision(context: DevicesContext, call: UserCall): Promise<Answer> {
  const { identity, origin, headers, method } = call;
  const { rights, audit, rate, turns } = context.core;
  await turns.next(`user ${identity.user.name}`);
  countCall(rate, identity);
  const fields = readFields(method === 'POST' ? await call.form() : call.query);
  // After the form, which may take `formMs` to come.
  const caller = await callerNow(rights, identity);
  const ports = readPorts(fields);
  const by = { user: caller.name, by: identity.by, operator: identity.key, address: origin.address };
  const note: Note = (device, detail) =>
    audit.record({ event: 'provision', allowed: true, ...by, device, detail });
  const device =
    fields.device === undefined
      ? await addNew(context, caller, fields, note)
      : await existing(context, caller, fields.device, method === 'POST', note);
  const url = await agentUrl(context);
  if (String(headers.accept ?? '').includes('json')) {
    const services = [
      ...kinds.flatMap((kind) =>
        ports[kind] === null ? [] : [{ port: ports[kind], kind: kind.slice(0, -4) }],
      ),
      ...ports.ports.map((port) => ({ port })),
    ];
    const configuration = agentConfiguration({ ...device, digest: false, services }, url);
    return { status: 200, type: 'application/json', body: `${JSON.stringify(configuration, null, 2)}\n` };
  }
  return {
    status: 200,
    type: 'text/plain; charset=utf-8',
    body: agentProperties(device, ports, url),
    headers: { 'Content-Disposition': 'attachment; filename="WebTunnelAgent.properties"' },
  };
}

interface Provisioned {
  readonly id: string;
  readonly domain: string;
  readonly name: string | null;
  readonly password: string | null;
}

async function addNew(
  context: DevicesContext,
  caller: Caller,
  fields: Fields,
  note: Note,
): Promise<Provisioned> {
  if (!caller.any('devices.create')) throw forbidden('devices.create');
  const id = idOf(fields);
  const domain = await domainForNew(context, caller, fields.domain);
  const { name: called = null, description: about = '' } = fields;
  const described = { name: called, description: about };
  const { password } = await addDevice(context, caller, { id, domain }, {}, described);
  note(id, `domain ${domain}`);
  return { id, domain, name: called, password };
}

/** A GET leaves the password as it is, and nobody knows that one. */
async function existing(
  context: DevicesContext,
  caller: Caller,
  text: string,
  renew: boolean,
  note: Note,
): Promise<Provisioned> {
  const device = await deviceFor(context, caller, text, 'devices.write');
  const { id, domain } = device;
  if (!renew) return { id, domain, name: device.name, password: null };
  const { password } = await resetPassword(context, caller, device, false);
  note(id, 'new password');
  return { id, domain, name: device.name, password };
}

function readFields(form: Form): Fields {
  const fields: Partial<Record<Field, string>> = {};
  for (const field of known) {
    const [value = '', ...others] = form.getAll(field);
    if (others.length > 0) throw queryProblem(field, 'may come once');
    if (value !== '') fields[field] = value;
  }
  for (const field of ['id', 'domain', 'name', 'description'] as const) {
    if (fields[field] !== undefined) checkField(field, fields[field]);
  }
  return fields;
}

function checkField(field: keyof typeof checks, value: string): void {
  try {
    checks[field](value);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw queryProblem(field, error.details.errors?.[0]?.detail ?? 'is wrong');
  }
}

/** An Ethernet address as an ID is its digits. */
function idOf({ id, mac }: Fields): string {
  if (id !== undefined && mac !== undefined) throw conflict('id and mac both name the device: give one');
  if (mac === undefined) return normalizeDeviceId(id ?? randomUUID()) ?? '';
  const digits = mac.toLowerCase().replace(/[:.-]/g, '');
  if (/^[0-9a-f]{12}$/.test(digits)) return digits;
  throw queryProblem('mac', 'must be an Ethernet address, such as 02:00:5e:10:00:01');
}

function readPorts(fields: Fields): OriginalPorts {
  const number = (field: Field, text: string) => {
    const value = /^ *\d{1,5} *$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > 65_535) throw queryProblem(field, 'must be a port, 1 to 65535');
    return value;
  };
  const portOf = (kind: (typeof kinds)[number]) => {
    const text = fields[kind];
    return text === undefined ? null : number(kind, text);
  };
  const [httpPort, sshPort, vncPort, rdpPort] = [
    portOf('httpPort'),
    portOf('sshPort'),
    portOf('vncPort'),
    portOf('rdpPort'),
  ];
  const named = [httpPort, sshPort, vncPort, rdpPort];
  const others = fields.ports?.split(/[;,]/, 100).map((text) => number('ports', text)) ?? [];
  const ports = [...new Set(others)].filter((port) => !named.includes(port));
  const none = ports.length === 0 && named.every((port) => port === null);
  return { httpPort: none ? 80 : httpPort, sshPort, vncPort, rdpPort, ports };
}
