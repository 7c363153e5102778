import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { isNewLink, takeToken } from './session.ts';
import { TextsProvider } from './texts/texts.ts';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/frame.css';
import '../styles/parts.css';
import '../styles/records.css';
import '../styles/seals.css';
import '../styles/dialog.css';
import './styles/steps.css';
import './styles/document.css';

// Before anything else: whoever looks over a shoulder or at the history finds no token.
const token = takeToken();
window.addEventListener('hashchange', () => {
  if (isNewLink()) window.location.reload();
});

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <TextsProvider>
      <App token={token} />
    </TextsProvider>
  </StrictMode>,
);
