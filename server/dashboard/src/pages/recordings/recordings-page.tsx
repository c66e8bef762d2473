import type { TerminalRecording } from '../../api/types.ts';
import { bytes } from '../../state/format.ts';
import { devicePath, replayPath } from '../../state/router.ts';
import { may } from '../../state/session.ts';
import { locale, t } from '../../texts/language.ts';
import { useDialog } from '../../ui/dialog.tsx';
import { usePages } from '../../ui/list.tsx';
import { RemoveButton } from '../../ui/remove-button.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { When } from '../../ui/time.tsx';

/** Recordings of terminals. */
export function RecordingsPage() {
  const pages = usePages<TerminalRecording>('/recordings');
  const { dialog, ask } = useDialog();
  const canDelete = may('recordings.delete');
  return (
    <>
      <div class="head">
        <h1>{t('recordings.title')}</h1>
      </div>
      <Above hint={t('recordings.hint')} />
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{
          icon: 'terminal',
          title: t('recordings.none'),
          hint: <p class="muted">{t('recordings.none.hint')}</p>,
        }}
        columns={[
          { title: t('column.time'), cell: ({ started }) => <When time={started} /> },
          { title: t('column.user'), cell: ({ user }) => user },
          { title: t('column.device'), cell: ({ device }) => <a href={devicePath(device)}>{device}</a> },
          { title: t('column.domain'), cell: ({ domain }) => domain },
          {
            title: t('recordings.size'),
            cell: (one) => (
              <>
                {bytes(locale(), one.bytes)} {one.cut && <span class="tag warn">{t('recordings.cut')}</span>}
                {one.open && <span class="tag">{t('recordings.open')}</span>}
              </>
            ),
          },
        ]}
        actions={({ id, open }) => (
          <>
            <a class="button small" href={replayPath(id)} target="_blank" rel="noopener">
              {t('recordings.play')}
            </a>{' '}
            {canDelete && !open && (
              <RemoveButton
                path={`/recordings/${id}`}
                action={t('recordings.remove')}
                title={t('recordings.remove.title')}
                hint={t('recordings.remove.hint')}
                ask={ask}
                onDone={pages.reload}
              />
            )}
          </>
        )}
      />
      {dialog}
    </>
  );
}
