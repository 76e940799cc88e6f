import type { Views } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import type { TorturedExchange } from './exchange.ts'
import type { Inflicted } from './faults.ts'
import type { Posts } from './posts.ts'
import { proofs } from './proof.ts'
import { ownEnds, summary } from './report.ts'

/** once nothing hurts any more */
const recoveryLimitMs = 120_000
/** events after the last fault, so that each role has work to show that it lives */
const eventsAfter = 200

/** Lets everything recover, looks at what is left, and says so. @returns what is wrong */
export async function judge(
  exchange: TorturedExchange,
  posts: Posts,
  views: Views,
  faults: readonly Inflicted[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  const wrong: string[] = []
  const attempt = async (what: string, prove: () => Promise<unknown>) => {
    try {
      await prove()
    } catch (error) {
      wrong.push(`${what}: NOT SO: ${error instanceof Error ? error.message : error}`)
    }
  }
  const over = performance.now()
  await attempt('every process is ready again in time', () => exchange.allReady(recoveryLimitMs))
  const recoveryMs = performance.now() - over
  const enough = posts.accepted() + eventsAfter
  await attempt('events are accepted again in time', () => eventually(async () => posts.accepted() >= enough, recoveryLimitMs))
  await attempt('no sender met what it must never meet', () => posts.stop())
  for (const [what, prove] of Object.entries(proofs(exchange, posts, views))) await attempt(what, prove)
  const ends = ownEnds([...exchange.processes.values()], faults)
  for (const { name, how, excused, lastWords } of ends)
    if (!excused) wrong.push(`${name} ended by itself, ${how}, with no fault near:\n${lastWords}`)
  say(`\n${summary(faults, ends, posts, recoveryMs)}\n`)
  for (const line of wrong) say(line)
  return wrong
}
