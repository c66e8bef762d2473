import type { ConnectionEnd } from '../../api/types.ts';
import { t } from '../../texts/language.ts';

/** Why a connection ended: what happened, and where it says more, in what words the server has noted it. */
export function End({ end }: { readonly end: ConnectionEnd | null }) {
  if (end === null) return <>{t('end.unknown')}</>;
  const { cause, reason, by } = end;
  if (cause === 'disconnected' && by !== null) return <>{t('end.disconnectedBy', { user: by })}</>;
  const said = t(`end.${cause}`);
  if (cause !== 'refused' && cause !== 'misbehaved') return <span title={reason}>{said}</span>;
  return (
    <>
      {said} (<span lang="en">{reason}</span>)
    </>
  );
}
