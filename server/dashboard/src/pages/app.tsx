import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { branding } from '../state/branding.ts';
import { readWaiting } from '../state/device-actions.ts';
import { connection, onHappenings } from '../state/live.ts';
import { place, portOf, type Route, routeOf } from '../state/router.ts';
import { loggedOut, may, me, preferences } from '../state/session.ts';
import { language, t } from '../texts/language.ts';
import { Blank } from '../ui/blank.tsx';
import { Icon, type IconName, Mark } from '../ui/icon.tsx';
import { Logo } from '../ui/logo.tsx';
import { Toasts } from '../ui/toast.tsx';
import { AccountPage } from './account/account-page.tsx';
import { newRecoveryCodes, RecoveryCodes } from './account/recovery-codes.tsx';
import { AuditPage } from './audit-page.tsx';
import { DeskPage } from './desk-page.tsx';
import { DevicePage } from './device/device-page.tsx';
import { DevicesPage } from './devices/devices-page.tsx';
import { DomainsPage } from './domains/domains-page.tsx';
import { PeoplePage } from './people/people-page.tsx';
import { RecordingsPage } from './recordings/recordings-page.tsx';
import { ReplayPage } from './recordings/replay-page.tsx';
import { WaitingPage } from './waiting-page.tsx';
import { WebhookPage } from './webhooks/webhook-page.tsx';
import { WebhooksPage } from './webhooks/webhooks-page.tsx';

/** The whole page: the menu, and what it leads to. */
export function App() {
  const route = routeOf(place.value.path);
  const title = loggedOut.value ? t('loggedOut') : titleOf(route);
  useEffect(() => {
    const name = branding.value?.name;
    document.title = name ? `${title} – ${name}` : title;
  }, [title]);
  if (newRecoveryCodes.value.length > 0) return <RecoveryCodes />;
  if (loggedOut.value) return <LoggedOut />;
  if (route.page === 'terminal' || route.page === 'desktop') {
    return (
      <main id="main" tabIndex={-1} class="whole">
        <h1 class="hidden">{title}</h1>
        <Notices />
        <DeskPage kind={route.page} id={route.id} port={portOf(place.value.search)} />
      </main>
    );
  }
  if (route.page === 'replay') {
    return (
      <main id="main" tabIndex={-1} class="whole">
        <h1 class="hidden">{title}</h1>
        <Notices />
        <ReplayPage id={route.id} />
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      <div class="frame">
        <Side route={route} />
        <main id="main" tabIndex={-1} class={route.page === 'devices' ? 'fill' : ''}>
          <Notices />
          <Content route={route} />
        </main>
      </div>
      <Toasts />
    </>
  );
}

/** In the place of everything that somebody else may not read. */
function LoggedOut() {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => link.current?.focus(), []);
  return (
    <main id="main" class="whole">
      <Blank icon="log_out" title={t('loggedOut')}>
        <a
          ref={link}
          class="button main"
          href={place.value.path + place.value.search}
          onClick={() => location.reload()}
        >
          {t('logIn')}
        </a>
      </Blank>
    </main>
  );
}

function titleOf(route: Route): string {
  if (route.page === 'device') return route.id;
  if (route.page === 'terminal' || route.page === 'desktop')
    return `${route.id} · ${t(`service.${route.page}`)}`;
  return t(`${route.page}.title`);
}

function Content({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'devices':
      return <DevicesPage />;
    case 'device':
      return <DevicePage key={route.id} id={route.id} />;
    case 'waiting':
      return <WaitingPage />;
    case 'people':
      return <PeoplePage tab={route.tab} />;
    case 'domains':
      return <DomainsPage />;
    case 'webhooks':
      return <WebhooksPage />;
    case 'webhook':
      return <WebhookPage key={route.id} id={route.id} />;
    case 'recordings':
      return <RecordingsPage />;
    case 'audit':
      return <AuditPage />;
    case 'account':
      return <AccountPage tab={route.tab} />;
    default:
      return (
        <>
          <h1>{t('unknown.title')}</h1>
          <Blank icon="empty" title={t('unknown.hint')}>
            <a class="button" href="/">
              {t('devices.title')}
            </a>
          </Blank>
        </>
      );
  }
}

/** What is wrong with everything: the server is away. */
function Notices() {
  if (connection.value !== 'lost') return null;
  return (
    <p class="notice bad" role="alert">
      <Icon name="offline" />
      {t('offline')}
    </p>
  );
}

/** The logo of the brand, or its name; both follow the theme. */
function Brand() {
  const logo = branding.value?.logo;
  if (!logo) {
    return (
      <>
        <Mark />
        {t('brand')}
      </>
    );
  }
  return <Logo logo={logo} name={t('brand')} theme={preferences.value.theme} />;
}

function Side({ route }: { readonly route: Route }) {
  const waiting = useSignal(0);
  useEffect(() => {
    if (!may('enrolment.write')) return undefined;
    const read = () => {
      readWaiting().then(
        (found) => {
          waiting.value = found.length;
        },
        // The page itself says what is wrong.
        () => {},
      );
    };
    read();
    return onHappenings((happenings) => {
      if (happenings.some(({ kind }) => ['device.waiting', 'device.claimed', 'device.added'].includes(kind)))
        read();
    });
  }, [may('enrolment.write')]);
  const menu = useRef<HTMLElement>(null);
  // On a small screen it is longer than the screen.
  useEffect(() => {
    menu.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [route.page]);
  const links = branding.value?.links ?? [];
  const people = may('users.read') ? 'users' : 'enrolment';
  const entries: readonly (readonly [Route['page'], string, IconName, boolean])[] = [
    ['devices', '/', 'devices', true],
    ['waiting', '/dashboard/waiting', 'waiting', may('enrolment.write')],
    ['people', `/dashboard/people/${people}`, 'people', may('users.read') || may('enrolment.write')],
    ['domains', '/dashboard/domains', 'domain', may('domains.read')],
    ['webhooks', '/dashboard/webhooks', 'webhook', may('webhooks.write')],
    ['recordings', '/dashboard/recordings', 'terminal', may('recordings.read')],
    ['audit', '/dashboard/audit', 'audit', may('audit.read')],
    ['account', '/dashboard/account', 'account', true],
  ];
  const isCurrent = (page: Route['page']) =>
    page === route.page ||
    (page === 'devices' && route.page === 'device') ||
    (page === 'webhooks' && route.page === 'webhook');
  return (
    <header class="side">
      <a class="brand" href="/">
        <Brand />
      </a>
      <nav ref={menu} class="nav" aria-label={t('menu')}>
        {entries
          .filter(([, , , shown]) => shown)
          .map(([page, address, icon]) => (
            <a key={page} href={address} {...(isCurrent(page) ? { 'aria-current': 'page' as const } : {})}>
              <Icon name={icon} />
              {t(`menu.${page}`)}
              {page === 'waiting' && waiting.value > 0 && <span class="number">{waiting.value}</span>}
            </a>
          ))}
      </nav>
      {links.length > 0 && (
        <nav class="links" aria-label={t('links')}>
          {links.map(({ text, address }) => (
            <a key={address} href={address}>
              {text[language()]}
            </a>
          ))}
        </nav>
      )}
      <div class="foot">
        <span class="who" title={me()}>
          {me()}
        </span>
        <form method="post" action="/log-out">
          <button type="submit" class="button plain icon" title={t('logOut')} aria-label={t('logOut')}>
            <Icon name="log_out" />
          </button>
        </form>
      </div>
    </header>
  );
}
