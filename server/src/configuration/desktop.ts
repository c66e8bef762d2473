import { type Static, Type } from 'typebox';

const clipboard = (description: string) =>
  Type.Enum(['off', 'toDevice', 'fromDevice', 'both'], { default: 'off', description });

export const desktopSchema = Type.Object(
  {
    clipboard: clipboard('In which direction text may be copied.'),
    domains: Type.Record(Type.String(), clipboard('In this domain, instead of `clipboard`.'), {
      default: {},
      description: 'The same for the devices of single domains, by their IDs.',
    }),
  },
  { description: 'Desktops in the browser.' },
);

export type DesktopSettings = Static<typeof desktopSchema>;
