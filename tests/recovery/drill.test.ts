import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../src/database/connect.ts'
import { companies } from '../support/companies.ts'
import { type Bureaus, bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { viewsOf } from '../support/e2e-views.ts'
import { cloudEventOf, type Example } from '../support/examples.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { lianban } from '../support/lianban.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { backUp, restore } from '../support/restored-database.ts'

const prefix = `drill-${process.pid}-${Date.now()}`

describeWithKafka('the drill: the database was restored from an old backup', () => {
  let database: TestDatabase
  let deployment: Deployment
  let exchange: Running
  let bureaus: Bureaus
  let kafka: Kafka
  let env: Record<string, string>
  let folder: string
  const backups: TestDatabase[] = []

  beforeAll(async () => {
    const brokers = (await sharedKafka()) ?? ''
    kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
    database = await testDatabase()
    const shared = { DATABASE_URL: database.url, KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix }
    deployment = await deploy(shared)
    exchange = await deployment.start(['serve'])
    bureaus = await bureausOf(deployment.keysFolder())
    env = { ...shared, DATA_DIR: exchange.dataDir, LOG_KEY_FILE: deployment.logKeyFile }
    folder = join(exchange.dataDir, 'test')
    await mkdir(folder)
  })
  afterAll(async () => {
    await deployment?.close()
    for (const backup of backups) await backup.close()
    await database?.close()
    const admin = kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [`${prefix}.registration`] }).catch(() => undefined) // a run that failed early has none
    await admin.disconnect()
  })

  const keyFile = (party: string) => join(deployment.keysFolder(), `${party}.jwk`)
  const vkeyFile = () => join(exchange.dataDir, 'log.vkey')

  async function postAll(examples: readonly Example[]): Promise<void> {
    for (const example of examples) indexOf(await bureaus.post(exchange.url, example))
  }

  /** Waits until the views have taken in everything, then stops the exchange and copies its database. */
  async function stopAndBackUp(): Promise<string> {
    await expectViews()
    await exchange.stop()
    const backup = await backUp(database.url)
    backups.push(backup)
    return backup.url
  }

  async function expectViews(): Promise<void> {
    const views = await viewsOf(database.url)
    try {
      await views.expectFold()
    } finally {
      await views.close()
    }
  }

  const startAgain = async () => {
    exchange = await deployment.start(['serve'], {}, exchange.dataDir)
  }
  const recover = (...args: string[]) => lianban(['log', 'recover', ...args], { env })

  async function expectRefusedStart(): Promise<void> {
    await expect(deployment.start(['serve'], {}, exchange.dataDir)).rejects.toThrow(/can't be continued/)
  }

  let before: string
  let afterEvents: string
  let afterAll_: string

  it('a start refuses, Kafka brings back every event, and the log and the views are what they were', async () => {
    await postAll(companies(140))
    before = await stopAndBackUp()
    await startAgain()
    const lost = companies(15, 140)
    const file = join(folder, 'lost.ndjson')
    await writeFile(
      file,
      lost.map((example, i) => `${JSON.stringify(cloudEventOf(example, `lost-${i}`, new Date()))}\n`).join(''),
    )
    const posted = await lianban([
      'post',
      file,
      '--keys',
      deployment.keysFolder(),
      '--receipts',
      join(folder, 'receipts'),
      '--url',
      exchange.url,
    ])
    expect(posted.stderr).toBe('')
    afterEvents = await stopAndBackUp()

    await restore(database.url, before)
    await expectRefusedStart()
    const dry = await recover('--from-kafka')
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toMatch(/restored +286 entries\npublished +316 entries.*\nmissing +30 entries: 286 to 315/)
    expect(dry.stdout).toContain('say --apply')
    expect(await dump(database.url)).toEqual(await dump(before))
    expect(await recover('--from-kafka', '--apply')).toMatchObject({ code: 0, stderr: '' })
    expect(await dump(database.url)).toEqual(await dump(afterEvents))
    await startAgain()
    await expectViews()
  })

  it('a mirror brings back what no topic has: refusals, keys and readings', async () => {
    const commerce = companies(3, 200)
    await postAll(commerce)
    const refused = await bureaus.post(exchange.url, { ...commerce[0], data: {} } as Example)
    expect(refused.status).toBe(422)
    await lianban(['keys', 'generate', '--out', join(folder, 'second.jwk')])
    const registered = await lianban([
      'keys',
      'register',
      join(folder, 'second.jwk'),
      '--party',
      'commerce',
      '--voucher',
      keyFile('commerce'),
      '--url',
      exchange.url,
    ])
    expect(registered).toMatchObject({ code: 0 })
    await postAll(companies(3, 210))
    const mirrored = await lianban([
      'audit',
      'mirror',
      exchange.url,
      '--once',
      '--out',
      join(folder, 'mirror'),
      '--vkey',
      vkeyFile(),
      '--key',
      keyFile('auditor'),
    ])
    expect(mirrored.stderr).toBe('')
    afterAll_ = await stopAndBackUp()

    await restore(database.url, before)
    await expectRefusedStart()
    const kafkaAlone = await recover('--from-kafka', '--apply')
    expect(kafkaAlone.code).toBe(1)
    expect(kafkaAlone.stdout).toMatch(/in no source +322 to 323, 330\nfound, not proved +286 to 321, 324 to 329\n/)
    expect(await dump(database.url)).toEqual(await dump(before))
    const recovered = await recover('--from-mirror', join(folder, 'mirror'), '--from-kafka', '--apply')
    expect(recovered).toMatchObject({ code: 0, stderr: '' })
    expect(await dump(database.url)).toEqual(await dump(afterAll_))
    await startAgain()
    await expectViews()
    await postAll(companies(1, 220))
    await stopAndBackUp()
  })
})

/** Everything that the log's tables hold. */
async function dump(url: string): Promise<unknown> {
  const { raw, close } = connect(url, { name: 'test dump', maxConnections: 1 })
  try {
    return {
      entries: await raw`select * from log.entries order by index`,
      head: await raw`select * from log.head`,
      tiles: await raw`select * from log.tiles order by level, n`,
      subjects: await raw`select * from log.subjects order by kind, subject`,
      blobs: await raw`select * from log.blobs order by digest`,
    }
  } finally {
    await close()
  }
}
