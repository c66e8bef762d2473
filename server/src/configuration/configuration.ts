import { Ajv2020 } from 'ajv/dist/2020.js';
import { ConfigurationError } from 'rm-reflector/program';
import { explain } from './explain.ts';
import { configurationSchema, type OwnConfiguration } from './schema.ts';

// `schemas.test.ts` compares it with the meta-schema, which costs each start of the server 40 ms.
const validate = new Ajv2020({
  validateSchema: false,
  allErrors: false,
  useDefaults: true,
  strict: false,
  verbose: true,
}).compile<OwnConfiguration>(configurationSchema);

/** `own`: the values of our keys as they are in the file. Throws `ConfigurationError` that names file and place. */
export function readOwnConfiguration(
  own: Readonly<Record<string, unknown>>,
  file: string | null,
): OwnConfiguration {
  const values = structuredClone(
    Object.fromEntries(Object.entries(own).filter(([, value]) => (value ?? null) !== null)),
  );
  if (validate(values)) {
    if (values.mail && values.publicUrl === undefined) {
      throw new ConfigurationError(`${file ?? 'configuration'}: publicUrl: is missing, and mail needs it`);
    }
    return values;
  }
  const [error] = validate.errors ?? [];
  throw new ConfigurationError(`${file ?? 'configuration'}: ${error ? explain(error) : 'is wrong'}`);
}
