import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { limits } from '../limits.ts';
import { shown } from '../sftp/names.ts';
import { t } from '../texts/language.ts';
import type { FilesSession, Folder, Row } from './files-session.ts';
import { bytes, dateTime } from './format.ts';
import { TransferList } from './transfer-list.tsx';

/** Files among what is dragged; folders cannot be read as they are. */
function filesOf(transfer: DataTransfer | null): { readonly files: File[]; readonly hasFolders: boolean } {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  const isFolder = (item: DataTransferItem) => item.webkitGetAsEntry()?.isDirectory === true;
  const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return { files: files.filter((file) => file !== null), hasFolders: items.some(isFolder) };
}

/** The files of the device beside its terminal: a folder, and what is uploaded and downloaded. */
export function FilesPanel({
  session,
  close,
  again,
}: {
  readonly session: FilesSession;
  readonly close: () => void;
  /** `null`: nobody is logged in. */
  readonly again: (() => void) | null;
}) {
  const id = useId();
  const isOver = useSignal(false);
  const over = session.over.value;
  const folder = session.folder.value;
  const drop = (event: DragEvent) => {
    event.preventDefault();
    isOver.value = false;
    const { files, hasFolders } = filesOf(event.dataTransfer);
    session.upload(files);
    if (hasFolders) session.said.value = `${session.said.value} ${t('files.noFolders')}`.trim();
  };
  return (
    <section
      class={isOver.value ? 'files dropping' : 'files'}
      aria-labelledby={id}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={drop}
    >
      <div class="head">
        <h2 id={id}>{t('files')}</h2>
        <button type="button" class="button" onClick={close}>
          {t('files.hide')}
        </button>
      </div>
      {over !== null && (
        <p class="bad" role="alert">
          {over}{' '}
          {again ? (
            <button type="button" class="button" onClick={again}>
              {t('files.again')}
            </button>
          ) : (
            t('files.logInFirst')
          )}
        </p>
      )}
      {over === null && folder === null && <p role="status">{session.said.value || t('files.opening')}</p>}
      {over === null && folder !== null && <FolderView session={session} folder={folder} />}
      <TransferList transfers={session.transfers} />
    </section>
  );
}

function FolderView({ session, folder }: { readonly session: FilesSession; readonly folder: Folder }) {
  const path = useRef<HTMLInputElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const rows = useRef<HTMLElement>(null);
  const opened = useRef(folder.path);
  const ignore = () => {};
  useEffect(() => {
    if (path.current) path.current.value = shown(folder.path);
  }, [folder]);
  useEffect(() => {
    const { activeElement } = document;
    // The button that has opened it is gone, or is one of the new folder.
    const isLost = activeElement === document.body || rows.current?.contains(activeElement) === true;
    if (opened.current !== folder.path && isLost) rows.current?.focus();
    opened.current = folder.path;
  }, [folder.path]);
  return (
    <>
      <form
        class="path"
        onSubmit={(event) => {
          event.preventDefault();
          const typed = path.current?.value || '.';
          // As it is shown, it may be another name than it has.
          session.go(typed === shown(folder.path) ? folder.path : typed).catch(ignore);
        }}
      >
        <input
          ref={path}
          dir="ltr"
          aria-label={t('files.path')}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          defaultValue={shown(folder.path)}
        />
        <button type="submit" class="button">
          {t('files.go')}
        </button>
      </form>
      <div class="actions">
        <button
          type="button"
          class="button"
          disabled={folder.path === '/'}
          onClick={() => session.up().catch(ignore)}
        >
          {t('files.up')}
        </button>
        <button type="button" class="button" onClick={() => session.refresh().catch(ignore)}>
          {t('files.refresh')}
        </button>
        <button type="button" class="button main" onClick={() => chooser.current?.click()}>
          {t('files.upload')}
        </button>
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          aria-label={t('files.upload')}
          onChange={({ currentTarget }) => {
            session.upload([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
      </div>
      <p class="muted">{t('files.drop')}</p>
      <p role="status" class={session.said.value === '' ? 'muted' : 'bad'}>
        {session.said.value || (session.isBusy.value ? t('files.reading') : '')}
      </p>
      {!folder.isWhole && <p class="muted">{t('files.notWhole', { n: limits.sftpNames })}</p>}
      {folder.refused > 0 && <p class="muted">{t('files.refused', { n: folder.refused })}</p>}
      <Rows session={session} folder={folder} place={rows} />
    </>
  );
}

function Rows({
  session,
  folder,
  place,
}: {
  readonly session: FilesSession;
  readonly folder: Folder;
  readonly place: RefObject<HTMLElement | null>;
}) {
  return (
    // Wide names scroll in it, also by keys.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys.
    <section ref={place} class="rows" tabIndex={0} aria-label={t('files.in', { folder: shown(folder.path) })}>
      {folder.rows.length === 0 && <p class="muted">{t('files.empty')}</p>}
      <table hidden={folder.rows.length === 0}>
        <thead>
          <tr>
            <th scope="col">{t('files.name')}</th>
            <th scope="col">{t('files.size')}</th>
            <th scope="col" class="date">
              {t('files.changed')}
            </th>
          </tr>
        </thead>
        <tbody>
          {folder.rows.map((row) => (
            <tr key={row.name}>
              <td>
                <NameButton session={session} row={row} />
              </td>
              <td>{row.kind !== 'file' || row.size === undefined ? '' : bytes(row.size)}</td>
              <td class="date">{row.modified === undefined ? '' : dateTime(row.modified)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Marks before a name, drawn: not every computer has a font with such pictures. */
const marks: Readonly<Record<Row['kind'], string>> = {
  folder: 'M1.5 3.5H6l1.5 2h7V13h-13Z',
  file: 'M3.5 1.5h6l3 3v10h-9ZM9.5 1.5v3h3',
  link: 'M6.5 9.5l3-3M7.3 4.7l1.3-1.3a2.8 2.8 0 0 1 4 4l-1.3 1.3M8.7 11.3l-1.3 1.3a2.8 2.8 0 0 1-4-4l1.3-1.3',
  other: 'M8 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5M8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2',
};

function NameButton({ session, row }: { readonly session: FilesSession; readonly row: Row }) {
  const label = row.kind === 'folder' || row.kind === 'link' ? 'files.open' : 'files.download';
  return (
    <button
      type="button"
      class="file"
      disabled={row.kind === 'other'}
      aria-label={t(label, { name: row.shown })}
      onClick={() => session.enter(row).catch(() => {})}
    >
      <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
        <path d={marks[row.kind]} />
      </svg>
      <bdi>{row.shown}</bdi>
    </button>
  );
}
