import '../style/page.css';
import './desktop.css';
import { startPage } from '../page/start.tsx';
import { DesktopPage } from './desktop-page.tsx';

await startPage((bridge) => <DesktopPage bridge={bridge} />);
