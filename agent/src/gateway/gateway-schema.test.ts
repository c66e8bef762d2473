import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../config/configuration.ts';
import { gatewayLimits } from '../config/limits.ts';
import { gatewayDescriptions } from '../config/reference/descriptions.ts';
import { jsonSchema } from '../config/reference/json-schema.ts';
import { object } from '../config/schema.ts';
import { agentKeys, deviceKeys, gatewaySchema, processKeys } from './gateway-schema.ts';

// `npm run reference -w agent` writes what these tests compare.
const schemaFile = fileURLToPath(new URL('../../rm-gateway.schema.json', import.meta.url));

/** The keys of a device: those of an agent without those of the process. */
function deviceSchema() {
  const keys = Object.entries(configurationSchema.keys).filter(
    ([key]) => ![...processKeys, ...agentKeys].some((other) => other === key),
  );
  return object(Object.fromEntries(keys));
}

const plain = (text: string) => text.replaceAll('`', '');

/** For editors: a gateway's file, and `#/$defs/device` for the file of a device. */
function editorSchema() {
  const { properties, ...gateway } = jsonSchema(gatewaySchema(), 'Configuration of a gateway of rm-agent');
  const { $schema: _, title: __, ...device } = jsonSchema(deviceSchema(), '');
  const all = properties as { readonly gateway: { readonly properties: Record<string, object> } };
  const own = {
    ...all.gateway.properties,
    devices: { type: 'array', maxItems: gatewayLimits.devices, items: { $ref: '#/$defs/device' } },
  };
  const described = Object.fromEntries(
    Object.entries(gatewayDescriptions).map(([key, text]) => [
      key,
      { description: plain(text), ...own[key as keyof typeof own] },
    ]),
  );
  return {
    ...gateway,
    required: ['gateway'],
    properties: { ...all, gateway: { ...all.gateway, properties: described } },
    // What a device does not set, it has from the gateway's file.
    $defs: { device: { ...device, required: ['device', 'services'] } },
  };
}

describe('the JSON Schema of a gateway', () => {
  it('is the one in the package', async () => {
    await expect(`${JSON.stringify(editorSchema(), null, 2)}\n`).toMatchFileSnapshot(schemaFile);
  });
});

describe('the keys of a gateway', () => {
  it('are those of an agent, each at its place', () => {
    const shared = Object.keys(gatewaySchema().keys).filter((key) => key !== 'gateway');
    expect([...shared, ...deviceKeys, ...agentKeys].sort()).toEqual(
      Object.keys(configurationSchema.keys).sort(),
    );
  });

  it('are described', () => {
    const keys = Object.keys(gatewaySchema().keys.gateway.keys);
    expect(Object.keys(gatewayDescriptions).sort()).toEqual([...keys, 'devices'].sort());
  });
});
