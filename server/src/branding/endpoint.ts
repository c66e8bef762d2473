import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import type { Core } from '../part.ts';
import { domainOfUser } from './brand/domain-of-user.ts';
import { assetsPath } from './brand/read-brand.ts';

const path = Type.String({ description: 'Path on this server.' });
const pathOrNone = Type.Union([path, Type.Null()]);

/** What the dashboard shows of the brand of its user. */
export function brandingEndpoint({ branding, rights }: Pick<Core, 'branding' | 'rights'>): Endpoint {
  return endpoint({
    operation: 'getBranding',
    method: 'GET',
    path: '/branding',
    tag: 'Server',
    summary: 'Tells the brand that the caller sees.',
    description:
      'It is that of a domain where everything that the caller may see is in this domain and the domain has one; else that of the installation.',
    needs: 'own',
    replies: [
      {
        status: 200,
        description: 'The brand.',
        schema: Type.Object({
          name: Type.Union([Type.String(), Type.Null()]),
          logo: Type.Union([Type.Object({ light: path, dark: path }), Type.Null()]),
          languages: Type.Array(Type.String(), { description: 'The first is the usual one.' }),
          texts: Type.Record(Type.String(), path, {
            description: 'By language: texts by key, in the place of those of the dashboard.',
          }),
          links: Type.Array(
            Type.Object({
              text: Type.Record(Type.String(), Type.String(), { description: 'By language.' }),
              address: Type.String({ description: 'A path on this server, or an address elsewhere.' }),
            }),
          ),
          columns: Type.Union([Type.Array(Type.String()), Type.Null()], {
            description: 'Columns of the list of devices, until a user chooses others.',
          }),
          hiddenProperties: Type.Array(Type.String(), {
            description: 'Properties that pages do not show; NAME* stands for all that begin so.',
          }),
          style: pathOrNone,
        }),
      },
    ],
    async handle({ caller }) {
      const brand = branding.of(await domainOfUser(rights, caller.identity.user));
      const { style, texts } = branding.filesOf(brand);
      const { name, logo, languages, links, columns, hiddenProperties } = brand;
      const address = (file: { readonly name: string }) => `${assetsPath}/${file.name}`;
      return {
        body: {
          name,
          logo: logo && { light: address(logo.light), dark: address(logo.dark) },
          languages: [...languages],
          texts: Object.fromEntries(texts),
          links: links.map((link) => ({ text: Object.fromEntries(link.text), address: link.address })),
          columns: columns && [...columns],
          hiddenProperties: [...hiddenProperties],
          style,
        },
      };
    },
  });
}
