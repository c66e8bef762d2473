import { type Static, Type } from 'typebox';
import { closed } from '../../api/closed.ts';
import { tokenNames } from './tokens.ts';

/** Columns of the list of devices, besides `property:NAME`. */
export const knownColumns = [
  'state',
  'lastSeen',
  'domain',
  'tags',
  'version',
  'address',
  'services',
  'agent',
  'created',
] as const;

const line = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\p{Cc}]+$', description });
const language = Type.String({ pattern: '^[a-z]{2,3}$', description: 'a language such as de, ISO 639' });
const image = Type.String({
  pattern: '^[A-Za-z0-9_-][A-Za-z0-9._/-]{0,99}\\.(svg|png)$',
  description: 'a file of the folder that ends with .svg or .png',
});
const color = Type.String({
  pattern: '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$',
  description: 'a colour such as #0b5cad',
});
const palette = Type.Partial(Type.Object(Object.fromEntries(tokenNames.map((name) => [name, color]))));
const pageName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,39}$', description: 'the name of a page' });

/** `branding.json`, of the installation or of one domain. */
export const brandSchema = closed(
  Type.Object({
    name: Type.Optional(line(60, 'Name of the service: in titles, beside the logo and in mails.')),
    logo: Type.Optional(
      Type.Union([image, Type.Object({ light: image, dark: image })], {
        description: 'Logo above each page; one for each theme if need be.',
      }),
    ),
    icon: Type.Optional(image),
    colors: Type.Optional(Type.Object({ light: Type.Optional(palette), dark: Type.Optional(palette) })),
    links: Type.Optional(
      Type.Array(
        Type.Object({
          text: Type.Union([line(60, 'one line'), Type.Record(Type.String(), line(60, 'one line'))]),
          url: Type.Optional(
            Type.String({
              maxLength: 1_000,
              pattern: '^(https?://|mailto:|tel:)[\\x21-\\x7e]+$',
              description: 'https:, http:, mailto: or tel:, without blanks',
            }),
          ),
          page: Type.Optional(pageName),
        }),
        { maxItems: 12, description: 'At the foot of each page.' },
      ),
    ),
    columns: Type.Optional(
      Type.Array(
        Type.String({
          pattern: `^(${knownColumns.join('|')}|property:[^\\p{Cc}]{1,64})$`,
          description: `one of ${knownColumns.join(', ')}, or property:NAME`,
        }),
        { maxItems: 12, uniqueItems: true },
      ),
    ),
    hiddenProperties: Type.Optional(Type.Array(line(64, 'one line'), { maxItems: 100, uniqueItems: true })),
    passwords: Type.Optional(
      Type.Object({
        minLength: Type.Optional(Type.Integer({ minimum: 10, maximum: 64 })),
        needs: Type.Optional(
          Type.Array(
            Type.Union([
              Type.Literal('lower'),
              Type.Literal('upper'),
              Type.Literal('digit'),
              Type.Literal('sign'),
            ]),
            { uniqueItems: true },
          ),
        ),
        refuse: Type.Optional(
          Type.Array(Type.String({ minLength: 3, maxLength: 64 }), { maxItems: 200, uniqueItems: true }),
        ),
      }),
    ),
    languages: Type.Optional(Type.Array(language, { minItems: 1, maxItems: 32, uniqueItems: true })),
  }),
);

export type BrandFile = Static<typeof brandSchema>;
export type PasswordRules = NonNullable<BrandFile['passwords']>;
