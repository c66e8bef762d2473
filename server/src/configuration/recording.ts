import { type Static, Type } from 'typebox';

/** Where the configuration says nothing else. */
export const recordingBounds = { days: 30, bytes: 1_073_741_824, sessionBytes: 67_108_864 } as const;

const terminals = (description: string) => Type.Enum(['never', 'always'], { default: 'never', description });

export const recordingSchema = Type.Object(
  {
    terminals: terminals(
      'Whether terminals in the browser are recorded. SSH ends at the server then, and users are told before they log in.',
    ),
    domains: Type.Record(Type.String(), terminals('In this domain, instead of `terminals`.'), {
      default: {},
      description: 'The same for the devices of single domains, by their IDs.',
    }),
    days: Type.Integer({
      minimum: 1,
      maximum: 3_650,
      default: recordingBounds.days,
      description: 'For which a recording is kept.',
    }),
    bytes: Type.Integer({
      minimum: 1_048_576,
      default: recordingBounds.bytes,
      description:
        'That all recordings may take; of those of the last day, a quarter those of one user, and a half those of one domain. Older ones make room.',
    }),
    sessionBytes: Type.Integer({
      minimum: 65_536,
      default: recordingBounds.sessionBytes,
      description: 'That one recording may take. The terminal ends there.',
    }),
  },
  { description: 'Recordings of terminals.' },
);

export type RecordingSettings = Static<typeof recordingSchema>;
