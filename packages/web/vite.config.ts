import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite';

/** What every page shows. */
const SHARED_PARTS =
  /web[/\\]src[/\\](?:styles[/\\](?!seals)|parts[/\\](?:cards|notice|connection-notice|stepper|field|agree-box)|frame|announcer|brand|not-entered|poll-delay|use-(?:entrance|polled-view|sending)|texts[/\\]speech)/;

/** The signing page without its head start, and without what is loaded when it is opened. */
const SIGNING_PAGE =
  /web[/\\]src[/\\]signing[/\\](?!choice[/\\]|styles[/\\]choice|document[/\\](?:preview-screen|refuse-dialog|details-dialog|handover)|head-start|api\.|session\.|page-layout)/;

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * The signing page begins with a small script that asks for the signer's task while the rest is still on the line. The
 * rest is named in the page itself, so that it comes at the same time and not after it.
 */
function headStart(): Plugin {
  return {
    name: 'head-start',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle = {}, chunk, path }) {
        if (!path.endsWith('sign.html')) return undefined;
        const tags = new Map<string, HtmlTagDescriptor>();
        const own = new Set([chunk?.fileName, ...(chunk?.imports ?? [])]);
        const name = (file: string): void => {
          const found = bundle[file];
          if (found?.type !== 'chunk' || tags.has(file)) return;
          if (!own.has(file)) {
            const attrs = { rel: 'modulepreload', crossorigin: true, href: `./${file}` };
            tags.set(file, { tag: 'link', attrs, injectTo: 'head' });
          }
          for (const style of found.viteMetadata?.importedCss ?? []) {
            tags.set(style, {
              tag: 'link',
              attrs: { rel: 'stylesheet', crossorigin: true, href: `./${style}` },
              injectTo: 'head',
            });
          }
          for (const imported of found.imports) name(imported);
        };
        for (const file of chunk?.dynamicImports ?? []) name(file);
        return [...tags.values()];
      },
    },
  };
}

/** The pages are served side by side, whatever stands before their names, so every address in them is relative. */
export default defineConfig({
  plugins: [react(), headStart()],
  base: './',
  // `npx vite packages/web` shows changes at once, on the data of a service that runs.
  server: {
    proxy: Object.fromEntries(['/member', '/sign/v1', '/api'].map((path) => [path, 'http://127.0.0.1:8686'])),
  },
  build: {
    assetsDir: 'assets',
    rolldownOptions: {
      input: {
        verification: page('index.html'),
        signing: page('sign.html'),
        validation: page('validate.html'),
      },
      // Few files: a browser asks for six at a time. What every page has is kept when another page is opened.
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            // What a page asks with comes before anything that shows something.
            { name: 'exchange', test: /web[/\\]src[/\\](?:exchange|answer-error)\.ts/, priority: 2 },
            {
              name: 'react',
              test: /node_modules[/\\](?:react|react-dom|scheduler)[/\\]|rolldown[/\\]runtime/,
              priority: 1,
            },
            { name: 'parts', test: SHARED_PARTS },
            { name: 'signing-page', test: SIGNING_PAGE },
          ],
        },
      },
    },
    // A file in the markup as data: would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome109', 'edge109', 'firefox115', 'safari16'],
  },
});
