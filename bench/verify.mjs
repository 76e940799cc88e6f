// Which way of verifying a signature costs least under load?
//
//   node bench/verify.mjs [seconds per measurement, 0.5 by default] [--json]
//
// Every way verifies the same signatures. Rounds go through all ways in turn, so that a disturbance of the machine hits
// all of them; figures are medians over rounds. Compare the ratios of one run, not figures of two.
//   ops/s        verifications per second while `inFlight` are under way at once
//   loop µs/op   time the event loop was busy per verification: what the other requests wait for
//   cpu µs/op    CPU time of all threads of the process per verification
import { generateKeyPairSync, sign, subtle, verify } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { compactVerify, flattenedVerify } from 'jose'
import { VerifyingThread } from '../dist/identity/verifying-thread.js'

const algorithms = {
  ES256: {
    pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    import: { name: 'ECDSA', namedCurve: 'P-256' },
    subtle: { name: 'ECDSA', hash: 'SHA-256' },
    node: { dsaEncoding: 'ieee-p1363' },
  },
  RS256: {
    pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    subtle: 'RSASSA-PKCS1-v1_5',
    node: {},
  },
}

/** What a gateway has at hand: the compact text and a key that was imported before. */
function partsOf(compact) {
  const last = compact.lastIndexOf('.')
  return { input: Buffer.from(compact.slice(0, last)), signature: Buffer.from(compact.slice(last + 1), 'base64url') }
}

const seconds = Number(process.argv[2] ?? 0.5) || 0.5
const rows = []
for (const algorithm of Object.keys(algorithms)) rows.push(...(await measure(algorithm, seconds)))
if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2))
else console.table(rows)

async function measure(algorithm, seconds) {
  const setup = algorithms[algorithm]
  const { publicKey, privateKey } = setup.pair()
  const cryptoKey = await subtle.importKey('jwk', publicKey.export({ format: 'jwk' }), setup.import, false, ['verify'])
  const compacts = Array.from({ length: 64 }, (_, n) => {
    const payload = Buffer.from(JSON.stringify({ n, text: 'x'.repeat(2000) })).toString('base64url')
    const input = `${Buffer.from(JSON.stringify({ alg: algorithm, kid: 'k', typ: 'event+jws' })).toString('base64url')}.${payload}`
    return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, ...setup.node }).toString('base64url')}`
  })
  const options = { algorithms: [algorithm] }
  const thread = new VerifyingThread()
  const key = { algorithm, keyObject: publicKey }
  const ways = {
    'jose compactVerify, CryptoKey': async (compact) => Boolean(await compactVerify(compact, cryptoKey, options)),
    'jose compactVerify, KeyObject': async (compact) => Boolean(await compactVerify(compact, publicKey, options)),
    'jose flattenedVerify, CryptoKey': async (compact) => {
      const [header, payload, signature] = compact.split('.')
      return Boolean(await flattenedVerify({ protected: header, payload, signature }, cryptoKey, options))
    },
    'crypto.subtle.verify': (compact) => {
      const { input, signature } = partsOf(compact)
      return subtle.verify(setup.subtle, cryptoKey, signature, input)
    },
    'crypto.verify, synchronous': async (compact) => {
      const { input, signature } = partsOf(compact)
      return verify('sha256', input, { key: publicKey, ...setup.node }, signature)
    },
    'crypto.verify, thread pool': (compact) => {
      const { input, signature } = partsOf(compact)
      return new Promise((done, fail) =>
        verify('sha256', input, { key: publicKey, ...setup.node }, signature, (error, good) =>
          error ? fail(error) : done(good),
        ),
      )
    },
    'crypto.verify, a thread of its own': async (compact) => {
      await thread.verify(compact, { alg: algorithm }, key)
      return true
    },
  }
  const rows = []
  for (const inFlight of [1, 16, 128]) {
    const runs = new Map(Object.keys(ways).map((name) => [name, []]))
    for (const [name, way] of Object.entries(ways)) await load(way, compacts, inFlight, seconds / 5, name)
    for (let round = 0; round < 5; round++)
      for (const [name, way] of Object.entries(ways)) runs.get(name).push(await load(way, compacts, inFlight, seconds, name))
    const base = median(runs.get('jose compactVerify, CryptoKey').map(({ opsPerSecond }) => opsPerSecond))
    for (const [way, results] of runs) {
      const of = (field) => median(results.map((result) => result[field]))
      rows.push({
        algorithm,
        inFlight,
        way,
        'ops/s': Math.round(of('opsPerSecond')),
        ratio: Number((of('opsPerSecond') / base).toFixed(2)),
        'loop %': Math.round(of('loopShare') * 100),
        'loop µs/op': Math.round(of('loopMicros')),
        'cpu µs/op': Math.round(of('cpuMicros')),
      })
    }
  }
  await thread.close()
  return rows
}

async function load(way, compacts, inFlight, seconds, name) {
  const loopBefore = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  const end = start + seconds * 1000
  let ops = 0
  const one = async () => {
    while (performance.now() < end) {
      if (!(await way(compacts[ops % compacts.length]))) throw new Error(`${name} refused a good signature`)
      // a synchronous way must let the loop turn, as a server would
      if (++ops % 64 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  const tookMs = performance.now() - start
  const loop = performance.eventLoopUtilization(loopBefore)
  const cpu = process.cpuUsage(cpuBefore)
  return {
    opsPerSecond: (ops / tookMs) * 1000,
    loopShare: loop.utilization,
    loopMicros: (loop.active * 1000) / ops,
    cpuMicros: (cpu.user + cpu.system) / ops,
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
