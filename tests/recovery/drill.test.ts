import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
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
import { postAll as postMany } from '../support/parked-companies.ts'
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

  /** a gateway that published less, and has its own memory of it */
  async function otherGateway(name: string, checkpoint: string): Promise<Record<string, string>> {
    const dataDir = join(folder, name)
    await mkdir(dataDir, { recursive: true })
    await writeFile(join(dataDir, 'last-checkpoint'), checkpoint)
    return { ...env, DATA_DIR: dataDir }
  }

  let checkpointAfterEvents: string
  let before: string
  let afterEvents: string
  let afterAll_: string

  it('a start refuses, Kafka brings back every event, and the log and the views are what they were', async () => {
    await postMany(bureaus, exchange.url, companies(140))
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
    checkpointAfterEvents = await readFile(join(exchange.dataDir, 'last-checkpoint'), 'utf8')

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
    await expectViews()
    await exchange.stop()
  })

  it('receipts alone do when bureaus have all of them; one that is lost is named, and nothing is written', async () => {
    const receipts = join(folder, 'receipts')
    const other = { env: await otherGateway('other', checkpointAfterEvents) }
    const withReceipts = (path: string, ...more: string[]) => lianban(['log', 'recover', '--from-receipts', path, ...more], other)
    const spoilt = join(folder, 'spoilt')
    await cp(receipts, spoilt, { recursive: true })
    await rm(join(spoilt, 'lost-11.tlog-proof'))
    await writeFile(join(spoilt, 'lost-12.entry'), await readFile(join(receipts, 'lost-13.entry')))
    await restore(database.url, before)
    const some = await withReceipts(spoilt, '--apply')
    expect(some).toMatchObject({ code: 1 })
    expect(some.stdout).toMatch(/not used: .*lost-12\.tlog-proof: the receipt does not prove this entry/)
    expect(some.stdout).toMatch(/in no source +\d+, \d+\n/)
    expect(await dump(database.url)).toEqual(await dump(before))
    expect(await withReceipts(receipts, '--apply')).toMatchObject({ code: 0, stderr: '' })
    expect(await dump(database.url)).toEqual(await dump(afterEvents))
  })

  it('a foreign message and a changed mirror are seen through; another source has the entry', async () => {
    const producer = kafka.producer()
    await producer.connect()
    const forged = JSON.stringify({ kind: 'event', received: '2026-11-24T00:00:00.000Z', jws: 'e30.e30.' })
    const headers = { lianban_message: 'event', lianban_index: '300', lianban_previous: '1' }
    await producer.send({ topic: `${prefix}.registration`, messages: [{ value: forged, headers, partition: 0 }] })
    await producer.disconnect()
    const changed = join(folder, 'changed')
    await cp(join(folder, 'mirror'), changed, { recursive: true })
    const bundle = join(changed, 'tile', 'entries', '001.p', String((await sizeOf(afterAll_)) - 256))
    const bytes = await readFile(bundle)
    // in entry 316, the first that no receipt has
    const at = bytes.length - 10
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(bundle, bytes)
    await restore(database.url, before)
    const other = { env: await otherGateway('another', checkpointAfterEvents) }
    const alone = await lianban(['log', 'recover', '--from-mirror', changed, '--apply'], other)
    expect(alone.code).toBe(1)
    expect(alone.stdout).toMatch(/1 contradicted by the log's signature/)
    const all = ['--from-mirror', changed, '--from-mirror', join(folder, 'mirror'), '--from-kafka', '--apply']
    const unproven = await lianban(['log', 'recover', ...all], other)
    expect(unproven.stderr).toMatch(/an entry 332 is known, but no checkpoint covers more than 331 entries/)
    const helped = await lianban(['log', 'recover', ...all, '--leave-unproven'], other)
    expect(helped).toMatchObject({ code: 0, stderr: '' })
    expect(helped.stdout).toMatch(/Kafka .*contradicted/)
    expect(await dump(database.url)).toEqual(await dump(afterAll_))
  })

  it('views ahead of the restored log stay when the log catches up with them, and are emptied when nobody can prove what they know', async () => {
    await restore(database.url, afterAll_)
    await cutLog(database.url, before)
    const other = await otherGateway('third', checkpointAfterEvents)
    const mirror = join(folder, 'mirror')
    const short = await lianban(['log', 'recover', '--from-receipts', join(folder, 'receipts'), '--apply'], { env: other })
    expect(short.code).toBe(1)
    expect(short.stderr).toMatch(/an entry 329 is known, but no checkpoint covers more than 316 entries/)
    expect(
      await recover('--from-mirror', mirror, '--checkpoint', join(other.DATA_DIR ?? '', 'last-checkpoint'), '--apply'),
    ).toMatchObject({
      code: 1,
    })
    const whole = await lianban(['log', 'recover', '--from-mirror', mirror, '--apply'], { env: other })
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    expect(whole.stdout).not.toContain('emptied')
    expect(await dump(database.url)).toEqual(await dump(afterAll_))

    await restore(database.url, afterAll_)
    await cutLog(database.url, before)
    const fourth = await otherGateway('fourth', checkpointAfterEvents)
    const left = await lianban(['log', 'recover', '--from-receipts', join(folder, 'receipts'), '--leave-unproven', '--apply'], {
      env: fourth,
    })
    expect(left).toMatchObject({ code: 0, stderr: '' })
    expect(left.stdout).toMatch(/view_commerce knew more than the log: it was emptied/)
    expect(await dump(database.url)).toEqual(await dump(afterEvents))
    exchange = await deployment.start(['serve'], {}, fourth.DATA_DIR)
    await expectViews()
    await postAll(companies(2, 230))
    await expectViews()
  })

  it('a running exchange, and a restored log that went another way, are refused', async () => {
    expect(await recover('--from-kafka')).toMatchObject({ code: 2, stderr: expect.stringMatching(/stop every process/) })
    await exchange.stop()
    expect(await recover('--from-mirror', join(folder, 'mirror'), '--apply')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/entries are not those that .* begins with/),
    })
  })
})

/** Takes the log back to what a backup has of it, and leaves the views where they are. */
async function cutLog(url: string, backup: string): Promise<void> {
  const from = connect(backup, { name: 'test backup', maxConnections: 1 })
  const to = connect(url, { name: 'test cut', maxConnections: 1 })
  try {
    const [head] = await from.raw`select * from log.head`
    const subjects = await from.raw`select kind, subject, state::text as state, last_index from log.subjects`
    await to.raw.unsafe('alter table log.entries disable trigger user')
    await to.raw`delete from log.entries where index >= ${head?.size}`
    await to.raw.unsafe('alter table log.entries enable always trigger entries_refuse_change')
    await to.raw.unsafe('alter table log.entries enable always trigger entries_refuse_truncate')
    await to.raw`update log.head set ${to.raw(head ?? {})}`
    await to.raw`delete from log.subjects`
    for (const { kind, subject, state, last_index } of subjects)
      await to.raw`insert into log.subjects values (${kind}, ${subject}, ${state}::text::jsonb, ${last_index})`
  } finally {
    await from.close()
    await to.close()
  }
}

async function sizeOf(url: string): Promise<number> {
  const { raw, close } = connect(url, { name: 'test size', maxConnections: 1 })
  const [head] = await raw<{ size: number }[]>`select size from log.head`
  await close()
  return head?.size ?? 0
}

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
