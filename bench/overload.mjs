// What a gateway does when it is asked for more than it can: `npm run bench -- overload`.
//
//   --seconds N   length of each measurement, default 8
//
// Its best at 64 connections; the same at ten times as many and at 3,000, whose senders wait as Retry-After says; then a flood of one
// party that waits for nothing, beside another party that posts one event after the other; then its best again.
import { parseArgs } from 'node:util'
import { openDeployment } from './deployment.mjs'

const { values: flags } = parseArgs({ options: { seconds: { type: 'string', default: '8' } } })
const seconds = Number(flags.seconds)
const count = seconds * 9_000

const deployment = await openDeployment()
try {
  await deployment.startGateway()
  // the companies that the second party speaks of
  const known = deployment.next()
  await deployment.post({ from: known, connections: 64, count: 20_000, seconds: 60 })
  const alone = await one()
  print('another party alone, 1 connection', alone)
  const best = await deployment.post({ connections: 64, count, seconds })
  print('best, 64 connections', best)
  for (const connections of [640, 3_000]) {
    const figures = await deployment.post({ connections, count, seconds, patient: true })
    print(`${connections} connections`, figures, `${(figures.perSecond / best.perSecond).toFixed(2)} of the best, `)
  }
  const flooding = deployment.post({ connections: 2_000, count: 3 * count, seconds: 2 * seconds })
  // it signs first
  await deployment.busy()
  print('another party beside a flood of 2000 connections', await one(10_000))
  print('the flood itself', await flooding)
  const again = await deployment.post({ connections: 64, count, seconds })
  print('64 connections right after it', again, `${(again.perSecond / best.perSecond).toFixed(2)} of the best, `)

  function one(skip = 0) {
    return deployment.post({
      from: known + skip,
      party: 'state-tax',
      connections: 1,
      count: 1_000 * seconds,
      seconds: seconds / 2,
    })
  }
} finally {
  await deployment.close()
}

function print(name, { perSecond, p50Ms, p99Ms, byStatus }, ratio = '') {
  const statuses = Object.entries(byStatus).map(([status, times]) => `${times} x ${status}`)
  const memory = `gateway ${deployment.memory().gateway} MiB`
  console.log(
    `${name.padEnd(50)}${perSecond.toFixed(0)} a second, ${ratio}p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms; ${statuses.join(', ')}; ${memory}`,
  )
}
