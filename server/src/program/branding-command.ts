import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { deviceSecrets, generatePassword, hashPassword, startReflector } from 'rm-reflector';
import { html, page } from 'rm-reflector/accounts';
import type { Route } from 'rm-reflector/ports';
import { CommandError, ConfigurationError, ExitStatus, type ProgramCommand } from 'rm-reflector/program';
import type { Branding } from '../branding/brand/branding.ts';
import { readBrands } from '../branding/brand/read-brands.ts';
import { ownTexts } from '../branding/brand/texts.ts';
import { readPageTexts } from '../bundles/page-texts.ts';
import { defaultLimits } from '../limits.ts';
import { serverAdditions } from '../server.ts';

type Context = Parameters<ProgramCommand['run']>[2];

/**
 * `rm-server branding check FOLDER`: whether a branding can be used. `preview FOLDER`: a server that looks like it, on loopback, until
 * a signal ends it. `texts [LANGUAGE]`: every text by its key, to begin a language with.
 */
export const brandingCommand: ProgramCommand = {
  usage: 'branding check FOLDER | preview FOLDER | texts [LANGUAGE]',
  help: `branding checks a folder with brands, shows its pages in a browser, or prints the texts that a brand may replace.`,
  names: [1, 2],
  run([action = '', name], _place, context) {
    if (action === 'texts') return texts(name ?? 'en', context);
    if ((action !== 'check' && action !== 'preview') || name === undefined) {
      throw new CommandError(
        ExitStatus.usage,
        'branding: must be followed by check FOLDER, preview FOLDER or texts [LANGUAGE]',
      );
    }
    return action === 'check' ? check(name, context) : preview(name, context);
  },
};

function check(folder: string, { print }: Context): number {
  const { main, domains } = readBrands(folder, readPageTexts()?.get('en') ?? null, defaultLimits);
  const of = domains.size === 0 ? '' : `, and for ${[...domains.keys()].join(', ')}`;
  print(`${folder}: can be used, in ${main.languages.join(', ')}${of}\n`);
  return ExitStatus.ok;
}

/** A language that does not come with the server begins with the English texts. */
function texts(language: string, { print }: Context): number {
  const pages = readPageTexts();
  const all = {
    ...(pages?.get(language) ?? pages?.get('en')),
    ...(ownTexts.get(language) ?? ownTexts.get('en')),
  };
  print(`${JSON.stringify(all, null, 2)}\n`);
  return ExitStatus.ok;
}

/** Where the parts of the preview are listed. */
const previewPath = '/preview';

async function preview(
  brandingFolder: string,
  { clock, environment, print, printError }: Context,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-branding-preview-'));
  const data = join(folder, 'server.sqlite');
  const settings = { domain: 'localhost' };
  const log = pino({ level: 'silent' });
  const own = { branding: brandingFolder };
  const password = generatePassword();
  const told = { last: '' };
  // What SIGHUP does for a server, the preview does for each page.
  const reading = (branding: Branding): Branding['looks'] => ({
    of: (reader, domain) => {
      const fault = again(branding, brandingFolder);
      if (fault !== told.last && fault !== '') printError(`${fault}\n`);
      told.last = fault;
      return branding.looks.of(reader, domain);
    },
  });
  try {
    const place = { own, ownAgain: () => own, file: null, data };
    const additions = serverAdditions({ ...place, settings, environment, log, clock });
    const { branding } = additions;
    const { routes } = additions.options;
    const reflector = await startReflector({
      ...settings,
      data,
      log,
      clock,
      ...additions.options,
      looks: reading(branding),
      routes: (core) => [...(typeof routes === 'function' ? routes(core) : []), previewRoute(branding)],
    });
    try {
      const now = clock.date();
      const hash = await hashPassword(password);
      await reflector.store.users.add('preview', hash, now, 'administrator');
      for (const domain of ['localhost', ...branding.domains]) {
        const id = `pump-${domain}`
          .toLowerCase()
          .replaceAll(/[^a-z0-9-]/g, '-')
          .slice(0, 60);
        const secrets = await deviceSecrets(id, domain, password, false, 'generated');
        await reflector.store.devices.add({ id, domain, secrets }, now, null);
        if (domain === 'localhost') continue;
        await reflector.store.users.add(`preview-${domain}`, hash, now, 'user');
        await reflector.store.users.grant(`preview-${domain}`, domain);
      }
      await additions.started?.(reflector);
      const users = ['preview', ...branding.domains.map((domain) => `preview-${domain}`)];
      print(
        `${reflector.url}${previewPath}\nLog in as ${users.join(' or ')} with ${password}. Ctrl-C ends it.\n`,
      );
      await new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      });
      return ExitStatus.ok;
    } finally {
      await additions.close?.();
      await reflector.close();
    }
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the folder again; returns what is wrong, or an empty text. */
function again(branding: Branding, folder: string): string {
  try {
    branding.read();
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    return `${folder}: ${error}`;
  }
}

/** Links to what people see, and the mails. */
function previewRoute(branding: Branding): Route {
  return {
    access: 'anyone',
    methods: ['GET', 'HEAD'],
    path: previewPath,
    answer: ({ look, origin: { protocol, authority } }) => {
      const port = /:\d+$/.exec(authority)?.[0] ?? '';
      const links: readonly (readonly [string, string])[] = [
        ['Log-in page', '/log-in'],
        ...branding.domains.map((domain) => [`Log-in page of ${domain}`, `/for/${domain}`] as const),
        ['Dashboard', '/'],
        ['A page that does not exist', '/my-devices/none'],
        ['A device that is off line (log in first)', `${protocol}://pump-localhost.localhost${port}/`],
        ...branding.domains.map(
          (domain) =>
            [
              `A device of ${domain} that is off line`,
              `${protocol}://pump-${domain.toLowerCase()}.localhost${port}/`,
            ] as const,
        ),
        ...[...branding.of(null).pages.keys()]
          .filter((name) => name !== 'footer' && name !== 'log-in')
          .map((name) => [`Page ${name}`, `/pages/${name}`] as const),
      ];
      const values = { user: 'carol', link: 'https://remote.example.com/my-devices/set-password?token=…' };
      const mails = [null, ...branding.domains].flatMap((domain) =>
        branding.of(domain).languages.flatMap((language) =>
          (['invitation', 'reset'] as const).map((purpose) => {
            const say = (key: string) => branding.say(domain, language, `mail.${purpose}.${key}`, values);
            return html`<h3>${say('subject')} (${language}${domain === null ? '' : `, ${domain}`})</h3><pre>${say('text')}</pre>`;
          }),
        ),
      );
      return {
        status: 200,
        type: 'text/html; charset=utf-8',
        body: page(
          'Preview',
          html`<h1>Preview</h1>
<p>Change the folder, and load a page again. Faults are printed where the preview was started.</p>
<ul>${links.map(
            ([text, address]) => html`<li><a href="${address}">${text}</a></li>
`,
          )}</ul>
<h2>Mails</h2>${mails}`,
          look,
        ),
      };
    },
  };
}
