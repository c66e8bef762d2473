import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { TerminalSsh } from '../../../src/ssh/session.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { t } from '../texts/language.ts';
import { FilesPanel } from './files-panel.tsx';
import { FilesSession, sayFailure } from './files-session.ts';
import { Transfers } from './transfers.ts';

/** Files over the connection of a terminal, from when they are shown first until the connection is another one; hidden, transfers go on. */
export function Files({
  bridge,
  connection,
  shown,
  hide,
}: {
  readonly bridge: Bridge;
  readonly connection: TerminalSsh | null;
  readonly shown: Signal<boolean>;
  readonly hide: () => void;
}) {
  const current = useSignal<{ readonly of: TerminalSsh; readonly session: FilesSession } | null>(null);
  const transfers = useMemo(() => new Transfers(sayFailure, () => t('files.cancelled')), []);
  const begin = (of: TerminalSsh) => {
    current.value?.session.close();
    const session = new FilesSession(bridge, transfers);
    current.value = { of, session };
    session.open(of).catch(() => {});
  };
  useEffect(() => {
    if (shown.value && connection && current.value?.of !== connection) begin(connection);
  }, [shown.value, connection]);
  useEffect(() => () => current.value?.session.close(), []);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (transfers.isBusy) event.preventDefault();
    };
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, []);
  if (!shown.value) return null;
  if (current.value) {
    const again = connection && (() => begin(connection));
    return <FilesPanel session={current.value.session} close={hide} again={again} />;
  }
  return (
    <section class="files" aria-label={t('files')}>
      <p>{t('files.logInFirst')}</p>
      <button type="button" class="button" onClick={hide}>
        {t('files.hide')}
      </button>
    </section>
  );
}
