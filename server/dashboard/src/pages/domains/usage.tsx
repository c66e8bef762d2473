import { t } from '../../texts/language.ts';

/** From this share of a quota on, a page warns. */
const nearlyUp = 0.9;

/** What is used of what is allowed, in words and as a bar; `most` is `null` where any amount is allowed. */
export function Usage({
  used,
  most,
  say,
}: {
  readonly used: number;
  readonly most: number | null;
  readonly say: (n: number) => string;
}) {
  if (most === null) return <>{say(used)}</>;
  const share = most === 0 ? 1 : Math.min(1, used / most);
  const state = share >= 1 ? 'up' : share >= nearlyUp ? 'nearly' : 'free';
  return (
    <div class={`usage ${state}`}>
      <span>{t('quota.usedOf', { used: say(used), most: say(most) })}</span>{' '}
      {state !== 'free' && <span class={state === 'up' ? 'tag bad' : 'tag warn'}>{t(`quota.${state}`)}</span>}
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="ground" width="100" height="4" />
        <rect class="used" width={share * 100} height="4" />
      </svg>
    </div>
  );
}
