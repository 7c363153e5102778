import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The pages are served side by side, whatever stands before their names, so every address in them is relative. */
export default defineConfig({
  plugins: [react()],
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
    },
    // A file in the markup as data: would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome109', 'edge109', 'firefox115', 'safari16'],
  },
});
