import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { headStart } from './head-start.ts';
import { isNewLink } from './session.ts';
import { TextsProvider } from './texts/texts.ts';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/frame.css';
import '../styles/parts.css';
import '../styles/records.css';
import '../styles/dialog.css';
import './styles/steps.css';
import './styles/document.css';

window.addEventListener('hashchange', () => {
  if (isNewLink()) window.location.reload();
});

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <TextsProvider>
      <App headStart={headStart} />
    </TextsProvider>
  </StrictMode>,
);
