import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { startTorturedExchange, type TorturedExchange } from './exchange.ts'
import { type Inflicted, inflict } from './faults.ts'
import { type Posts, startPosts } from './posts.ts'
import { proofs } from './proof.ts'
import { ownEnds, seconds, summary } from './report.ts'
import { type Fault, faultsOf } from './schedule.ts'

export interface TortureOptions {
  readonly minutes: number
  readonly seed: number
  /** keeps logs and data also when all is proved */
  readonly keep: boolean
}

/** once nothing hurts any more */
const recoveryLimitMs = 120_000
/** events after the last fault, so that each role has work to show that it lives */
const eventsAfter = 200

/**
 * Runs load against a whole exchange, hurts its processes as the seed says, and proves that nothing was lost.
 *
 * @returns what is wrong, none when all is proved
 */
export async function torture({ minutes, seed, keep }: TortureOptions, say: (line: string) => void): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), `lianban-torture-${seed}-`))
  // as root, Postgres's own user must reach its data
  await chmod(folder, 0o755)
  const wrong = await run({ minutes, seed }, folder, say).catch((error) => {
    const what = `the harness failed: ${error instanceof Error ? error.stack : error}`
    say(what)
    return [what]
  })
  if (wrong.length === 0 && !keep) await rm(folder, { recursive: true, force: true, maxRetries: 20 })
  else say(`logs and data are in ${folder}`)
  return wrong
}

async function run(
  { minutes, seed }: Omit<TortureOptions, 'keep'>,
  folder: string,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const exchange = await startTorturedExchange(folder)
  const views = await viewsOf(exchange.databaseUrl)
  try {
    await views.watch()
    const posts = await startPosts(exchange.urls, exchange.keysFolder)
    const faults = (await hurt(faultsOf(seed, minutes), exchange, say)).filter(({ met }) => met)
    const wrong = await judge(exchange, posts, views, faults, say)
    const kills = faults.filter(({ kind }) => kind === 'kill').length
    say(`seed ${seed}: ${kills} kills, ${faults.length} faults, ${wrong.length === 0 ? 'all proved' : `${wrong.length} wrong`}`)
    return wrong
  } finally {
    await views.close()
    await exchange.close()
  }
}

/** Each fault at its time, beside those that still last. */
async function hurt(schedule: readonly Fault[], exchange: TorturedExchange, say: (line: string) => void): Promise<Inflicted[]> {
  const begun = performance.now()
  const under: Promise<Inflicted>[] = []
  for (const fault of schedule) {
    await pause(Math.max(0, begun + fault.atMs - performance.now()))
    under.push(inflict(fault, exchange))
    const lasting = fault.forMs > 0 ? ` for ${seconds(fault.forMs)}` : ''
    say(`${seconds(performance.now() - begun).padStart(8)}  ${fault.kind.padEnd(8)} ${fault.target}${lasting}`)
  }
  return Promise.all(under)
}

/** Lets everything recover and looks at what is left. */
async function judge(
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
  const ends = ownEnds(exchange.processes, faults)
  for (const { name, how, excused, lastWords } of ends)
    if (!excused) wrong.push(`${name} ended by itself, ${how}, with no fault near:\n${lastWords}`)
  say(`\n${summary(faults, ends, posts, recoveryMs)}\n`)
  for (const line of wrong) say(line)
  return wrong
}
