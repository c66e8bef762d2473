import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Bridge } from '../bridge/bridge.ts';
import { Files } from '../files/files.tsx';
import { BrandMark } from '../page/brand-mark.tsx';
import { t } from '../texts/language.ts';
import { StageOver } from './stage.tsx';
import type { Tab, Tabs } from './tabs.ts';

/** A file that is dropped beside its place would be opened instead of the terminal. */
function stayHere(event: DragEvent): void {
  if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
}

export function TerminalPage({ tabs, bridge }: { readonly tabs: Tabs; readonly bridge: Bridge }) {
  const { opening } = bridge;
  const searching = useSignal(false);
  const filing = useSignal(false);
  const filesButton = useRef<HTMLButtonElement>(null);
  const hideFiles = () => {
    filing.value = false;
    // The button that was pressed is gone.
    filesButton.current?.focus();
  };
  const device = opening.name || opening.device;
  const shown = tabs.shown.value;
  return (
    <main class="terminal" onDragOver={stayHere} onDrop={stayHere}>
      <h1 class="hidden">{t('terminal.of', { device })}</h1>
      <div class="bar">
        <BrandMark {...opening} />
        <nav aria-label={t('terminal.tabs')}>
          {tabs.all.value.map(({ id }, at) => (
            <span key={id} class={id === shown ? 'tab shown' : 'tab'}>
              <button
                type="button"
                class="name"
                aria-current={id === shown}
                onClick={() => {
                  tabs.shown.value = id;
                }}
              >
                {`${device} ${at + 1}`}
              </button>
              <button
                type="button"
                class="close"
                aria-label={t('terminal.close', { number: String(at + 1) })}
                onClick={() => tabs.close(id)}
              >
                ×
              </button>
            </span>
          ))}
        </nav>
        <button
          type="button"
          class="button"
          aria-label={t('terminal.add')}
          disabled={!tabs.mayAdd.value}
          onClick={() => tabs.add()}
        >
          +
        </button>
        <Opener class="button end" opened={searching} text={t('terminal.search')} />
        <Opener class="button" opened={filing} text={t('files')} place={filesButton} />
        <button
          type="button"
          class="button"
          aria-pressed={tabs.screenReader.value}
          onClick={() => tabs.setScreenReader(!tabs.screenReader.value)}
        >
          {t('terminal.screenReader')}
        </button>
      </div>
      {searching.value && <SearchBar tabs={tabs} />}
      {tabs.all.value.length === 0 && (
        <div class="notice">
          <button type="button" class="button main" onClick={() => tabs.add()}>
            {t('terminal.add')}
          </button>
        </div>
      )}
      {tabs.all.value.map((tab) => (
        <Panel
          key={tab.id}
          tab={tab}
          shown={tab.id === shown}
          bridge={bridge}
          filing={filing}
          hideFiles={hideFiles}
        />
      ))}
    </main>
  );
}

/** Shows and hides something. */
function Opener({
  class: look,
  opened,
  text,
  place,
}: {
  readonly class: string;
  readonly opened: Signal<boolean>;
  readonly text: string;
  readonly place?: RefObject<HTMLButtonElement | null>;
}) {
  const change = () => {
    opened.value = !opened.value;
  };
  return (
    <button ref={place ?? null} type="button" class={look} aria-expanded={opened.value} onClick={change}>
      {text}
    </button>
  );
}

function SearchBar({ tabs }: { readonly tabs: Tabs }) {
  const field = useRef<HTMLInputElement>(null);
  const found = useSignal(true);
  useEffect(() => field.current?.focus(), []);
  const find = (back: boolean) => {
    const text = field.current?.value ?? '';
    found.value = text === '' || (tabs.current.value?.screen.find(text, back) ?? false);
  };
  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        find(true);
      }}
    >
      <input ref={field} type="search" aria-label={t('terminal.searchFor')} onInput={() => find(true)} />
      <button type="submit" class="button">
        {t('terminal.back')}
      </button>
      <button type="button" class="button" onClick={() => find(false)}>
        {t('terminal.on')}
      </button>
      <span role="status">{found.value ? '' : t('terminal.notFound')}</span>
    </form>
  );
}

function Panel({
  tab,
  shown,
  bridge,
  filing,
  hideFiles,
}: {
  readonly tab: Tab;
  readonly shown: boolean;
  readonly bridge: Bridge;
  readonly filing: Signal<boolean>;
  readonly hideFiles: () => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const { at } = tab.session.stage.value;
  useEffect(() => {
    place.current?.append(tab.screen.element);
    tab.screen.open();
  }, [tab]);
  useEffect(() => {
    if (!shown) return;
    tab.screen.fit();
    if (at === 'running') tab.screen.focus();
  }, [shown, at]);
  return (
    <section class="panel" hidden={!shown} data-stage={at}>
      {tab.session.isAtServer.value && at === 'running' && (
        <p class="told" role="status">
          {t(tab.session.isRecorded.value ? 'recorded.now' : 'atServer.now')}
        </p>
      )}
      <div class="beside">
        <div ref={place} class="place" />
        <Files bridge={bridge} connection={tab.session.loggedIn.value} shown={filing} hide={hideFiles} />
      </div>
      <StageOver session={tab.session} opening={bridge.opening} />
    </section>
  );
}
