import { afterEach, beforeEach, expect, it } from 'vitest'
import { bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { freePort } from '../support/free-port.ts'
import { exampleOf } from '../support/gateway.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { type BrokerProxy, startProxy } from '../torture/proxy.ts'

/** What the units of infra/systemd and Compose wait before they kill. */
const initWaitsMs = 20_000

let database: TestDatabase
let proxy: BrokerProxy
let deployment: Deployment
beforeEach(async () => {
  database = await testDatabase()
  const [port, url] = [await freePort(), new URL(database.url)]
  proxy = await startProxy(port, Number(url.port))
  url.port = String(port)
  deployment = await deploy({ DATABASE_URL: url.href, METRICS_PORT: '0' })
})
afterEach(async () => {
  proxy.close()
  await deployment.close()
  await database.close()
})

it('every role stops before it would be killed, though its database stands still, and says that it did not close all', {
  timeout: 120_000,
}, async () => {
  const gateway = await deployment.start(['gateway'])
  const others = await Promise.all([['publish'], ['consume', '--bureau', 'commerce']].map((args) => deployment.start(args)))
  const bureaus = await bureausOf(deployment.keysFolder())
  void proxy.silence(4 * initWaitsMs)
  const posted = bureaus.post(gateway.url, exampleOf('registration.established.v1')).catch(() => 'cut off')
  const began = performance.now()
  expect(await Promise.all([gateway, ...others].map((one) => one.stop()))).toEqual([0, 0, 0])
  expect(performance.now() - began).toBeLessThan(initWaitsMs)
  expect(gateway.output()).toContain('stopped before all was closed')
  await posted
})
