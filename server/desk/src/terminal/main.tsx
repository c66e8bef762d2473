import '@xterm/xterm/css/xterm.css';
import '../style/page.css';
import './terminal.css';
import '../files/files.css';
import { startPage } from '../page/start.tsx';
import { TerminalPage } from './page.tsx';
import { allowStylesOf } from './strict-styles.ts';
import { Tabs } from './tabs.ts';

allowStylesOf(document);
await startPage((bridge) => {
  const { theme } = bridge.opening;
  const dark = theme === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';
  const tabs = new Tabs(bridge, dark);
  tabs.add();
  return <TerminalPage tabs={tabs} bridge={bridge} />;
});
