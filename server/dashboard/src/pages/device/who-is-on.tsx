import type { LiveUsers } from '../../api/types.ts';
import type { Resource } from '../../state/resource.ts';
import { t } from '../../texts/language.ts';
import { Ago } from '../../ui/time.tsx';

/** Who has something open on the device. Not shown to those who may not know it. */
export function WhoIsOn({ live }: { readonly live: Resource<LiveUsers> }) {
  if (!live.value) return null;
  const { items } = live.value;
  return (
    <section class="card">
      <header>
        <h2>{t('whoIsOn')}</h2>
      </header>
      {items.length === 0 ? (
        <p class="muted">{t('whoIsOn.nobody')}</p>
      ) : (
        <table>
          <thead class="hidden">
            <tr>
              <th>{t('column.user')}</th>
              <th>{t('column.port')}</th>
              <th>{t('column.since')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ user, port, web, since }) => (
              <tr key={`${user} ${port}`}>
                <td>
                  <strong>{user}</strong>
                </td>
                <td>{web ? t('service.web') : t('whoIsOn.port', { port: String(port) })}</td>
                <td>
                  <Ago time={since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
