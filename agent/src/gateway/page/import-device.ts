import type { gatewayImport } from '../../config/import-gateway.ts';
import type { JsonObject } from '../../config/json.ts';
import { problemsOf } from '../../config/load.ts';
import { isObject } from '../source.ts';
import { shown } from './editable.ts';

/** What the page makes of a properties file of the original gateway. */
export interface ImportedDevice {
  /** As the page would save it; `null`: the file is no device's. */
  readonly device: JsonObject | null;
  /** What is lost or needs attention, one line each. */
  readonly remarks: readonly string[];
}

/**
 * Makes a device out of `text`, over `common`, the text of the original gateway's own file. It has what the page may change only: the rest
 * is left out with a remark. Nothing of this machine gets into it.
 */
export function importDevice(
  { importGateway, isDeviceProperties }: typeof gatewayImport,
  text: string,
  common: string,
): ImportedDevice {
  if (!isDeviceProperties(text))
    return { device: null, remarks: ['webtunnel.*: missing, so this is no device of the original gateway'] };
  const facts = { platform: '', directory: '', dateMs: 0, environment: () => undefined };
  const { json, warnings } = importGateway(common, [{ name: '', text }], facts, problemsOf);
  const { gateway, ...shared } = json;
  const [found = null] = isObject(gateway) && Array.isArray(gateway.devices) ? gateway.devices : [];
  const whole = isObject(found) ? found : {};
  const { kept, secrets: _, device, ...rest } = shown(whole);
  const password = isObject(whole.device) ? whole.device.password : undefined;
  const leftOut = [...kept, ...Object.keys(shared)].map(
    (key) => `${key}: left out, the page does not change it; write it to the file on the gateway`,
  );
  return {
    device: {
      ...rest,
      device: { ...device, ...(typeof password === 'string' ? { password } : {}) },
    },
    remarks: [...warnings, ...leftOut],
  };
}
