import type { ComponentChildren } from 'preact';
import { Problem } from '../api/problem.ts';
import { t } from '../texts/language.ts';
import { explain } from './explain.ts';
import { Icon, type IconName } from './icon.tsx';

/** In the place of what is not there: why, and what to do. */
export function Blank({
  icon = 'empty',
  title,
  children,
}: {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="blank">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="hidden">{t('loading')}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

/** What could not be read: no right, gone, or out of reach. */
export function Fault({ fault, retry }: { readonly fault: unknown; readonly retry?: () => void }) {
  const status = fault instanceof Problem ? fault.status : 0;
  if (status === 403)
    return (
      <Blank
        icon="key"
        title={t('fault.noRight')}
        children={<p class="muted">{t('fault.noRight.hint')}</p>}
      />
    );
  const title = status === 404 ? t('fault.missing') : t('fault.title');
  return (
    <Blank icon={status === 404 ? 'empty' : 'warning'} title={title}>
      {status !== 404 && <p class="muted">{explain(fault)}</p>}
      {retry && status !== 404 && (
        <button type="button" class="button" onClick={retry}>
          {t('retry')}
        </button>
      )}
    </Blank>
  );
}
