// How long a subject's evidence takes from a running exchange, and from an export with its index of subjects.
//
//   node bench/evidence.mjs [--entries 1000000] [--rounds 7] [--json]
//
// Each figure is a whole run of the command, the start of Node included, about another subject each time. The log, the
// database and the export are made once and kept in the system's temporary folder.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { nameOf } from '../dist/audit/export/subject-index.js'
import { folderSource } from '../dist/audit/source-folder.js'
import { decodeBundle } from '../dist/log/tile.js'
import { startFilledExchange } from './filled-exchange.mjs'
import { keptLog } from './kept-log.mjs'

const { values: flags } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
})
const entries = Number(flags.entries)
const rounds = Number(flags.rounds)
const main = join(import.meta.dirname, '..', 'dist', 'main.js')

const dir = await keptLog(entries)
const exported = await keptExport(dir)
const subjects = await someSubjects(dir)
const out = join(tmpdir(), `lianban-bench-evidence-${process.pid}.zip`)
const exchange = await startFilledExchange(dir, entries)
try {
  const results = {
    entries,
    rounds,
    exchange: await timesOf(['--from', exchange.url, '--key', join(dir, 'auditor.jwk'), '--vkey', exchange.vkeyFile]),
    export: await timesOf(['--from', exported, '--vkey', join(dir, 'vkey')]),
  }
  if (flags.json) console.log(JSON.stringify(results, null, 2))
  else
    for (const [name, { medianSeconds, maxSeconds, events }] of Object.entries({
      'a running exchange': results.exchange,
      'an export': results.export,
    }))
      console.log(
        `evidence from ${name} of ${entries} entries: median ${medianSeconds.toFixed(2)} s, at most ${maxSeconds.toFixed(2)} s ` +
          `(${rounds} subjects of ${Math.min(...events)} to ${Math.max(...events)} events)`,
      )
} finally {
  rmSync(out, { force: true })
  await exchange.stop()
}

async function timesOf(from) {
  const times = []
  const events = []
  for (const subject of subjects) {
    const began = performance.now()
    const { stdout } = await run(['audit', 'evidence', '--subject', subject, '--out', out, ...from])
    times.push((performance.now() - began) / 1000)
    events.push(Number(/: (\d+) events/.exec(stdout)?.[1]))
  }
  const sorted = times.toSorted((a, b) => a - b)
  return { medianSeconds: sorted[Math.floor(sorted.length / 2)], maxSeconds: sorted.at(-1), events, times }
}

/** Subjects spread over the log. */
async function someSubjects(folder) {
  const source = folderSource(folder)
  const found = new Set()
  for (let round = 0; found.size < rounds; round++) {
    const n = Math.floor(((round + 0.5) / (rounds + 1)) * (entries / 256))
    const names = decodeBundle(await source.bundle(n, 256), 256).map(nameOf)
    const subject = names.find((name) => name?.startsWith('subject:'))
    if (subject !== undefined) found.add(subject.slice('subject:'.length))
  }
  return [...found]
}

async function keptExport(from) {
  const to = join(tmpdir(), `lianban-bench-export-${entries}`)
  if (!existsSync(join(to, 'manifest.json'))) await run(['audit', 'export', from, '--out', to, '--vkey', join(from, 'vkey')])
  if (readFileSync(join(to, 'checkpoint'), 'utf8') !== readFileSync(join(from, 'checkpoint'), 'utf8'))
    throw new Error(`${to} is an export of another log: remove it`)
  return to
}

function run(args) {
  return promisify(execFile)(process.execPath, [main, ...args], { maxBuffer: 16 * 1024 * 1024 })
}
