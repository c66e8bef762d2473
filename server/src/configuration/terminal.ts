import { type Static, Type } from 'typebox';

const sshAtServer = (description: string) =>
  Type.Enum(['never', 'allowed'], { default: 'never', description });

export const terminalSchema = Type.Object(
  {
    sshAtServer: sshAtServer(
      'Whether SSH may end at the server where a browser cannot check the host key of a device. The page asks before, and the server could read what is typed.',
    ),
    domains: Type.Record(Type.String(), sshAtServer('In this domain, instead of `sshAtServer`.'), {
      default: {},
      description: 'The same for the devices of single domains, by their IDs.',
    }),
  },
  { description: 'Terminals in the browser.' },
);

export type TerminalSettings = Static<typeof terminalSchema>;
