import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// Entries are what Django's templates name; `manifest.json` tells django-vite their files.
export default defineConfig({
  base: '/static/',
  plugins: [react()],
  resolve: { dedupe: ['yjs', 'react', 'react-dom'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    // They have light-dark(); what is put in its place for others needs variables of each sheet.
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      input: ['src/document/main.tsx', 'src/list/main.tsx', 'src/site/main.ts'],
    },
  },
  test: { include: ['src/**/*.test.{ts,tsx}'] },
})
