import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Vite would take graphql's .mjs and Node its .js: two copies, whose types do not recognise each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: native drivers, and tests that look at what their process holds open.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
