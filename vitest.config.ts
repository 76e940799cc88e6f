import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tests/support/longest-first.ts'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // torn down in reverse: the folder of all goes last
    globalSetup: ['tests/support/global-tmp.ts', 'tests/support/global-postgres.ts', 'tests/support/global-kafka.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // one more than the cores of a small machine: many tests wait for processes of their own
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
})
