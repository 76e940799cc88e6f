import { defineConfig } from 'vitest/config'

/** Says only what no test could say itself: the run prints its own report. */
const quiet = {
  onTestRunEnd(modules: readonly { errors(): readonly { message: string }[] }[], unhandled: readonly { message: string }[]) {
    for (const { message } of [...unhandled, ...modules.flatMap((module) => module.errors())]) console.error(message)
  },
}

export default defineConfig({
  test: { include: ['tests/torture/torture.run.ts'], reporters: [quiet], pool: 'forks', disableConsoleIntercept: true },
})
