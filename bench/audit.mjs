// How long verifying a log takes, beside bare signature checks of the same JWS on the same cores, and how much memory.
//
//   node bench/audit.mjs [--entries 200000] [--rounds 3] [--workers N] [--json]
//
// The log is made once and kept in the system's temporary folder for the next run. Each way runs in a process of its own, in
// turn with the others, so that a disturbance of the machine hits all of them; figures are medians. Bare checks are
// measured in two ways: node:crypto's one-shot verify, which is the fastest there is and what a gateway and an auditor call,
// and jose's compactVerify, with all JWS of a bundle under way at once. Both begin with the compact JWS in memory, take it apart and
// verify it, nothing more.
import { execFile } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { compactVerify, importJWK } from 'jose'
import { keptLog } from './kept-log.mjs'

const root = join(import.meta.dirname, '..')

if (!isMainThread) await bareWorker()
else {
  const { values: flags } = parseArgs({
    options: {
      entries: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      workers: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      bare: { type: 'string' },
      dir: { type: 'string' },
    },
  })
  const workers = Number(flags.workers)
  if (flags.bare !== undefined) await bare(flags.bare, flags.dir, workers)
  else await measure(Number(flags.entries), Number(flags.rounds), workers, flags.json)
}

async function measure(entries, rounds, workers, json) {
  const dir = await keptLog(entries)
  const runs = { audit: [], node: [], jose: [] }
  for (let round = 0; round < rounds; round++) {
    runs.node.push(await child([import.meta.filename, '--bare', 'node', '--dir', dir, '--workers', String(workers)]))
    runs.audit.push(
      await child([
        join(root, 'dist', 'main.js'),
        'audit',
        'verify',
        dir,
        '--vkey',
        join(dir, 'vkey'),
        '--workers',
        String(workers),
        '--json',
      ]),
    )
    if (round === 0 || rounds < 4)
      runs.jose.push(await child([import.meta.filename, '--bare', 'jose', '--dir', dir, '--workers', String(workers)]))
  }
  const median = (way, field) => runs[way].map((run) => run[field]).sort((a, b) => a - b)[Math.floor(runs[way].length / 2)]
  const result = {
    entries,
    workers,
    auditSeconds: median('audit', 'seconds'),
    bareNodeSeconds: median('node', 'seconds'),
    bareJoseSeconds: median('jose', 'seconds'),
    // CPU time of all threads: a ratio that other load on the machine disturbs less
    auditCpuSeconds: median('audit', 'cpuSeconds'),
    bareNodeCpuSeconds: median('node', 'cpuSeconds'),
    bareJoseCpuSeconds: median('jose', 'cpuSeconds'),
    maxResidentMiB: Math.round(Math.max(...runs.audit.map(({ maxKiB }) => maxKiB)) / 1024),
  }
  const ratios = {
    toNode: result.auditSeconds / result.bareNodeSeconds,
    toNodeCpu: result.auditCpuSeconds / result.bareNodeCpuSeconds,
    toJose: result.auditSeconds / result.bareJoseSeconds,
    toJoseCpu: result.auditCpuSeconds / result.bareJoseCpuSeconds,
  }
  if (json) console.log(JSON.stringify({ ...result, ...ratios }, null, 2))
  else {
    console.log(
      `audit verify of ${entries} entries on ${workers} threads: ${result.auditSeconds.toFixed(1)} s, at most ${result.maxResidentMiB} MiB resident`,
    )
    console.log(
      `bare node:crypto verify: ${result.bareNodeSeconds.toFixed(1)} s; ratio ${ratios.toNode.toFixed(2)} (by CPU time ${ratios.toNodeCpu.toFixed(2)})`,
    )
    console.log(
      `bare jose compactVerify: ${result.bareJoseSeconds.toFixed(1)} s; ratio ${ratios.toJose.toFixed(2)} (by CPU time ${ratios.toJoseCpu.toFixed(2)})`,
    )
  }
}

/** Runs node and reads what it took from a wrapper that the kernel's own figures come through. */
async function child(args) {
  const began = performance.now()
  const wrapper = `
    process.once('exit', () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
      require('node:fs').writeSync(2, '\\n@usage ' + JSON.stringify({ cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, maxKiB: maxRSS }) + '\\n')
    })`
  const preload = join(tmpdir(), 'lianban-bench-usage.cjs')
  writeFileSync(preload, `if (require('node:worker_threads').isMainThread) {${wrapper}}`)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--require', preload, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  })
  const usage = JSON.parse(/@usage (.*)/.exec(stderr)?.[1] ?? '{}')
  const told = /"tookMs": (\d+)/.exec(stdout)?.[1] ?? /@took (\d+)/.exec(stdout)?.[1]
  return { seconds: told === undefined ? (performance.now() - began) / 1000 : Number(told) / 1000, ...usage }
}

/** Bare checks of every event of the log: a share of the bundles for each worker, read beforehand. */
async function bare(way, dir, workers) {
  const size = Number(readFileSync(join(dir, 'checkpoint'), 'utf8').split('\n')[1])
  const keys = keysOf(dir, size)
  const times = await Promise.all(
    Array.from({ length: workers }, (_, share) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { way, dir, size, share, workers, keys } })
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    }),
  )
  console.log(`@took ${Math.round(Math.max(...times))}`)
}

function keysOf(dir, size) {
  const keys = {}
  for (let n = 0; n * 256 < size; n++)
    for (const entry of entriesOf(dir, size, n))
      if (entry.startsWith('{"kind":"key"')) {
        const { kid, jwk } = JSON.parse(entry)
        if (jwk) keys[kid] = jwk
      }
  return keys
}

async function bareWorker() {
  const { way, dir, size, share, workers, keys } = workerData
  const objects = new Map(Object.entries(keys).map(([kid, jwk]) => [kid, createPublicKey({ key: jwk, format: 'jwk' })]))
  const imported = new Map()
  for (const [kid, jwk] of Object.entries(keys)) imported.set(kid, await importJWK(jwk, jwk.alg))
  let tookMs = 0
  for (let n = share; n * 256 < size; n += workers) {
    const compacts = entriesOf(dir, size, n).flatMap((entry) =>
      entry.startsWith('{"kind":"event"') ? [JSON.parse(entry).jws] : [],
    )
    const began = performance.now()
    if (way === 'jose') await Promise.all(compacts.map(byJose))
    else compacts.forEach(byNode)
    tookMs += performance.now() - began
  }
  parentPort.postMessage(tookMs)

  function byJose(compact) {
    return compactVerify(compact, imported.get(kidOf(compact)), { algorithms: ['ES256'] })
  }

  function byNode(compact) {
    const last = compact.lastIndexOf('.')
    const signature = Buffer.from(compact.slice(last + 1), 'base64url')
    const key = { key: objects.get(kidOf(compact)), dsaEncoding: 'ieee-p1363' }
    if (!verify('sha256', Buffer.from(compact.slice(0, last), 'latin1'), key, signature))
      throw new Error('a signature does not fit')
  }
}

function kidOf(compact) {
  return JSON.parse(Buffer.from(compact.slice(0, compact.indexOf('.')), 'base64url').toString()).kid
}

function entriesOf(dir, size, n) {
  const width = Math.min(256, size - n * 256)
  const digits = String(n)
    .padStart(Math.ceil(String(n).length / 3) * 3, '0')
    .match(/.{3}/g)
  const path = digits.map((group, i) => (i === digits.length - 1 ? group : `x${group}`)).join('/')
  const bundle = readFileSync(join(dir, 'tile', 'entries', width === 256 ? path : `${path}.p/${width}`))
  const entries = []
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 + bundle.readUInt16BE(at)
    entries.push(bundle.toString('utf8', at + 2, end))
    at = end
  }
  return entries
}
