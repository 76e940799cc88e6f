import { afterEach, beforeEach, expect, it } from 'vitest'
import { bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { exampleOf, madeUpUscc } from '../support/gateway.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { backUp, restore } from '../support/restored-database.ts'

let database: TestDatabase
let deployment: Deployment
beforeEach(async () => {
  database = await testDatabase()
  deployment = await deploy({ DATABASE_URL: database.url })
})
afterEach(async () => {
  await deployment.close()
  await database.close()
})

function established(n: number) {
  const { registrationNumber: _, ...data } = exampleOf('registration.established.v1').data
  const uscc = madeUpUscc(n)
  return { ...exampleOf('registration.established.v1'), subject: uscc, data: { ...data, uscc } }
}

it('a gateway whose database was put back under it takes nothing more, ends, and does not start again', {
  timeout: 120_000,
}, async () => {
  const gateway = await deployment.start(['gateway'])
  const bureaus = await bureausOf(deployment.keysFolder())
  indexOf(await bureaus.post(gateway.url, established(0)))
  const backup = await backUp(database.url)
  const compact = await bureaus.sign(established(1))
  await eventually(async () => (await bureaus.send(gateway.url, compact)).status === 201)
  // it has seen what the other one appended, and appends nothing itself
  const idle = await deployment.start(['gateway'])
  await restore(database.url, backup.url)
  await backup.close()
  for (const one of [gateway, idle]) {
    const statuses: number[] = []
    await eventually(async () => {
      const answer = await bureaus.post(one.url, established(2)).catch(() => undefined)
      if (answer !== undefined) statuses.push(answer.status)
      return one.output().includes('ALARM: the database does not hold')
    })
    expect(new Set(statuses)).toEqual(new Set([503]))
    await eventually(async () => one.output().includes('"msg":"stopped"'))
    expect(await one.stop()).toBe(1)
    await expect(deployment.start(['gateway'], {}, one.dataDir)).rejects.toThrow(/published a checkpoint of size \d+, but/)
  }
})
