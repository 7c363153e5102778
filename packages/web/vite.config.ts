import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The verification page is served at `…/verify`, whatever stands before it, so every address in it is relative. */
export default defineConfig({
  plugins: [react()],
  base: './',
  // `npx vite packages/web` shows changes at once, on the data of a service that runs.
  server: { proxy: { '/member': 'http://127.0.0.1:8686' } },
  build: {
    assetsDir: 'verify/assets',
    // A file in the markup as data: would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome109', 'edge109', 'firefox115', 'safari16'],
  },
});
