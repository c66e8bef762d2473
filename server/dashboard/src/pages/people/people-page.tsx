import { peopleTabs } from '../../state/router.ts';
import { may } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Tabs } from '../../ui/tabs.tsx';
import { EnrolmentKeys } from './enrolment-keys.tsx';
import { Grants } from './grants.tsx';
import { Groups } from './groups.tsx';
import { Keys } from './keys.tsx';
import { Users } from './users.tsx';

/** Who may come in: people, programs and devices. */
export function PeoplePage({ tab }: { readonly tab: string }) {
  const path = (one: string) => `/dashboard/people/${one}`;
  const allowed = peopleTabs.filter((one) =>
    one === 'enrolment' ? may('enrolment.write') : may('users.read'),
  );
  return (
    <>
      <div class="head">
        <h1>{t('people.title')}</h1>
      </div>
      <Tabs
        label={t('people.title')}
        current={path(tab)}
        tabs={allowed.map((one) => [path(one), t(`people.${one}`)])}
      />
      {tab === 'users' && <Users />}
      {tab === 'groups' && <Groups />}
      {tab === 'grants' && <Grants />}
      {tab === 'keys' && <Keys all />}
      {tab === 'enrolment' && <EnrolmentKeys />}
    </>
  );
}
