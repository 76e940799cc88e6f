import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { viewsOf } from '../support/e2e-views.ts'
import { startTorturedExchange, type TorturedExchange } from './exchange.ts'
import { type Inflicted, inflict } from './faults.ts'
import { judge } from './judge.ts'
import { startPosts } from './posts.ts'
import { seconds } from './report.ts'
import { type Fault, faultsOf } from './schedule.ts'

export interface TortureOptions {
  readonly minutes: number
  readonly seed: number
  /** keeps logs and data also when all is proved */
  readonly keep: boolean
  /** whether file systems in memory can be mounted, for disks that are full */
  readonly tmpfs: boolean
}

type Say = (line: string) => void

/**
 * Runs load against a whole exchange, hurts its processes as the seed says, and proves that nothing was lost.
 *
 * @returns whether all is proved
 */
export async function torture(options: TortureOptions, say: Say): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), `lianban-torture-${options.seed}-`))
  // as root, Postgres's own user must reach its data
  await chmod(folder, 0o755)
  const exchange = await startTorturedExchange(folder, options.tmpfs)
  const proved = await hurtAndJudge(options, exchange, say).catch((error) => {
    say(`the harness failed: ${error instanceof Error ? error.stack : error}`)
    return false
  })
  await exchange.close()
  if (!proved || options.keep) {
    // the disks may be in memory
    await cp(join(folder, 'data'), join(folder, 'data-kept'), { recursive: true, verbatimSymlinks: true })
    say(`logs and data are in ${folder}: logs, data-kept`)
  }
  exchange.places.close()
  if (proved && !options.keep) await rm(folder, { recursive: true, force: true, maxRetries: 20 })
  return proved
}

async function hurtAndJudge({ minutes, seed }: TortureOptions, exchange: TorturedExchange, say: Say): Promise<boolean> {
  const views = await viewsOf(exchange.databaseUrl)
  try {
    await views.watch()
    const posts = await startPosts(exchange.urls, exchange.keysFolder)
    const faults = (await hurt(faultsOf(seed, minutes), exchange, say)).filter(({ met }) => met)
    const wrong = await judge(exchange, posts, views, faults, say)
    const kills = faults.filter(({ kind }) => kind === 'kill').length
    say(`seed ${seed}: ${kills} kills, ${faults.length} faults, ${wrong.length === 0 ? 'all proved' : `${wrong.length} wrong`}`)
    return wrong.length === 0
  } finally {
    await views.close()
  }
}

/** Each fault at its time, beside those that still last. */
async function hurt(schedule: readonly Fault[], exchange: TorturedExchange, say: Say): Promise<Inflicted[]> {
  const begun = performance.now()
  const under: Promise<Inflicted>[] = []
  for (const fault of schedule) {
    await pause(Math.max(0, begun + fault.atMs - performance.now()))
    const inflicted = inflict(fault, exchange)
    inflicted.catch(() => undefined) // told below
    under.push(inflicted)
    const lasting = fault.forMs > 0 ? ` for ${seconds(fault.forMs)}` : ''
    const jump = fault.aheadMs === 0 ? '' : `, ${fault.aheadMs > 0 ? '+' : ''}${seconds(fault.aheadMs)}`
    say(`${seconds(performance.now() - begun).padStart(8)}  ${fault.kind.padEnd(8)} ${fault.target}${lasting}${jump}`)
  }
  return Promise.all(under)
}
