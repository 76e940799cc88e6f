import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take about half a minute or more, the longest first: one that begins when all others are done has a machine to itself. vitest
 * knows how long files take from its last run alone, which a clean clone has not had. A name that is not here costs time and nothing
 * else.
 */
const longest = [
  'tests/e2e/evening.test.ts',
  'tests/e2e/rebuild-killed.test.ts',
  'tests/e2e/replay-killed.test.ts',
  'tests/recovery/drill.test.ts',
  'tests/commands/commands.test.ts',
  'tests/e2e/broker-killed.test.ts',
  'tests/e2e/upgrade.test.ts',
  'tests/audit/verify-command.test.ts',
  'tests/crash/killed.test.ts',
  'tests/bus/kafka-killed.test.ts',
  'tests/audit/tamper.test.ts',
  'tests/e2e/kafka-lost.test.ts',
  'tests/e2e/starts.test.ts',
  'tests/e2e/stopped-at-start.test.ts',
  'tests/audit/evidence.test.ts',
  'tests/witness/witnessing.test.ts',
  'tests/audit/fsck.test.ts',
  'tests/replay/reconcile.test.ts',
  'tests/replay/rebuild.test.ts',
  'tests/docs/deploy.test.ts',
  'tests/audit/export.test.ts',
  'tests/database/embedded.test.ts',
  'tests/audit/evidence-rules.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = longest.indexOf(relative(this.ctx.config.root, moduleId))
      return at === -1 ? longest.length : at
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}
