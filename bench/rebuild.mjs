// What rebuilding a view costs: `npm run bench -- rebuild`.
//
//   --events N   establishments of as many companies, default 100000
//   --runs N     measured so often, raw insert and rebuild in turn, default 3
//
// A whole exchange is a process of its own. Its view of local-tax is rebuilt by a dry run, and the same rows are stored by a bare
// `insert … select from unnest` into tables of the same kind: what a database and one client can do at best.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { runningEmbeddedUrl } from '../dist/database/embedded/start.js'
import { signOperation } from '../dist/identity/operation-request.js'
import { importSigningKey } from '../dist/identity/private-key.js'
import { signAccessToken } from '../dist/identity/sign.js'
import { startExchange } from './exchange-process.mjs'
import { rawInsert } from './projection.mjs'

const { values: flags } = parseArgs({
  options: { events: { type: 'string', default: '100000' }, runs: { type: 'string', default: '3' } },
})
const events = Number(flags.events)

const exchange = await startExchange()
try {
  const { generate, url, keys, dataDir } = exchange
  const operator = await importSigningKey(JSON.parse(readFileSync(join(keys, 'operator.jwk'), 'utf8')))
  const log = (await (await fetch(`${url}/log/vkey`)).text()).split('+')[0]
  const filled = await generate({ task: 'fill', url, keys, connections: 64, count: events, from: 0 })
  console.log(`posted ${events} events at ${filled.perSecond.toFixed(0)} a second`)
  await exchange.settled()

  const databaseUrl = process.env.DATABASE_URL ?? (await runningEmbeddedUrl(dataDir))
  const runs = []
  for (let run = 0; run < Number(flags.runs); run++) {
    const raw = { perSecond: await rawInsert({ url: databaseUrl }, 'local-tax', events) }
    const rebuilt = await dryRun()
    runs.push({ raw, rebuilt, ratio: rebuilt.perSecond / raw.perSecond })
    console.log(
      `raw unnest insert ${raw.perSecond.toFixed(0)} rows a second, rebuild ${rebuilt.perSecond.toFixed(0)}: ratio ` +
        `${(rebuilt.perSecond / raw.perSecond).toFixed(2)}; comparing ${rebuilt.subjects} subjects took ${rebuilt.compareSeconds.toFixed(1)} s`,
    )
  }
  const ratios = runs.map(({ ratio }) => ratio).sort((a, b) => a - b)
  const results = { at: new Date().toISOString(), events, runs, medianRatio: ratios[Math.floor(ratios.length / 2)] }
  writeFileSync(join(import.meta.dirname, 'rebuild.json'), `${JSON.stringify(results, null, 2)}\n`)
  console.log(
    `median ratio ${results.medianRatio.toFixed(2)}; memory: ${exchange.residentMiB()} MiB resident, all roles in one process`,
  )

  /** A rebuild from the request to when every subject is folded, and the comparison after it. */
  async function dryRun() {
    const details = { bureau: 'local-tax', dryRun: true }
    const request = await signOperation(operator, { action: 'rebuild-view', reason: 'bench', log, details })
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ request })
    const began = performance.now()
    const response = await fetch(`${url}/v1/operations/rebuilds`, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    const { rebuild } = await response.json()
    const folded = await until(rebuild, ({ progress }) => progress?.folded)
    const seconds = (performance.now() - began) / 1000
    const { result } = await until(rebuild, ({ state }) => state === 'compared')
    const compareSeconds = (performance.now() - began) / 1000 - seconds
    const { subjects, ...counts } = result
    const differ = counts.different + counts.missing + counts.extra + counts.parked + counts.behind
    if (differ > 0) throw new Error(`${differ} subjects differ`)
    return { subjects, seconds, perSecond: folded.progress.subjects / seconds, compareSeconds }
  }

  async function until(id, reached) {
    for (let tries = 0; tries < 30_000; tries++) {
      const authorization = `Bearer ${await signAccessToken(operator, { audience: log })}`
      const found = await (await fetch(`${url}/v1/operations/rebuilds/${id}`, { headers: { authorization } })).json()
      if (reached(found)) return found
      await pause(50)
    }
    throw new Error(`rebuild ${id} did not come to its end within half an hour`)
  }
} finally {
  await exchange.stop()
}
