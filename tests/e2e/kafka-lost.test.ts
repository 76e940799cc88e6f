import { join } from 'node:path'
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/partition.ts'
import { companies } from '../support/companies.ts'
import { type Bureaus, bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy, type Running } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, type RunningKafka, startKafka } from '../support/kafka.ts'
import { lianban, type Ran } from '../support/lianban.ts'
import { postAll } from '../support/parked-companies.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { readTopicEvents } from '../support/topic-events.ts'

const bureauIds = ['commerce', 'state-tax', 'local-tax']
const prefix = 'lost'
const topic = `${prefix}.registration`

describeWithKafka('an exchange whose Kafka loses what it had', () => {
  let kafka: RunningKafka
  let client: Kafka
  let database: TestDatabase
  let deployment: Deployment
  let gateway: Running
  let publisher: Running
  const consumers = new Map<string, Running>()
  let bureaus: Bureaus
  let views: Views
  let posted = 0

  beforeAll(async () => {
    ;[kafka, database] = await Promise.all([startKafka(), testDatabase()])
    client = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING })
    deployment = await deploy({
      DATABASE_URL: database.url,
      KAFKA_BROKERS: kafka.brokers,
      KAFKA_PREFIX: prefix,
      HEARTBEAT_SECONDS: '1',
    })
    gateway = await deployment.start(['gateway'])
    publisher = await deployment.start(['publish'])
    for (const bureau of bureauIds) await consume(bureau)
    bureaus = await bureausOf(deployment.keysFolder())
    views = await viewsOf(database.url)
    await views.watch()
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    await kafka?.stop()
    await database?.close()
  })

  const consume = async (bureau: string) =>
    void consumers.set(bureau, await deployment.start(['consume', '--bureau', bureau], {}, consumers.get(bureau)?.dataDir))
  const said = () => [publisher, ...consumers.values()].map((one) => one.output()).join('')
  const operator = () => join(deployment.keysFolder(), 'operator.jwk')
  const bus = (command: string, ...args: string[]): Promise<Ran> =>
    lianban(['bus', command, ...args, '--url', gateway.url, '--key', operator()])

  /** Companies with two events each. */
  async function post(count = 6): Promise<void> {
    await postAll(bureaus, gateway.url, companies(count, posted))
    posted += count
  }
  async function settled(): Promise<void> {
    await views.expectFold(60_000)
    const stored = await views.stored()
    for (const bureau of bureauIds) expect(stored[bureau]?.records).toHaveLength(posted)
  }
  async function withAdmin<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = client.admin()
    await admin.connect()
    return await ask(admin).finally(() => admin.disconnect())
  }
  const published = () =>
    eventually(async () => {
      const [row] = await views.sql`
        select (select max(index) from log.entries where kind = 'event') <= index as done from log.published`
      return row?.done === true
    })
  const writes = async () => (await views.sql`select 1 from watched.writes`).length

  it('goes on when the topic is deleted under it, and says that it was', async () => {
    await post()
    await settled()
    await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
    await post()
    await settled()
    await eventually(async () => said().includes('the broker has lost a topic'))
    await views.expectEachOnceInOrder()
  })

  it('reads from the log what retention has cut off, and says so', async () => {
    await consumers.get('state-tax')?.stop()
    await post()
    await published()
    await withAdmin(async (admin) => {
      const ends = await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) })
    })
    await consume('state-tax')
    await settled()
    expect(consumers.get('state-tax')?.output()).toContain('the topic does not hold what the view needs next')
    await views.expectEachOnceInOrder()
  })

  it('goes on where its views stand when the offsets of the groups are lost', async () => {
    for (const consumer of consumers.values()) await consumer.stop()
    await post()
    const groups = bureauIds.map((bureau) => `${prefix}.${bureau}`)
    await eventually(() => withAdmin((admin) => admin.deleteGroups(groups)))
    for (const bureau of bureauIds) await consume(bureau)
    await settled()
    await views.expectEachOnceInOrder()
  })

  it('publishes everything once more when the publisher’s progress is lost, and no view takes it twice', async () => {
    await views.sql`delete from log.published`
    await post()
    await settled()
    await published()
    expect(said()).toContain('how far the topic is published is not known')
    await views.expectEachOnceInOrder()
  })

  it('loses its whole Kafka without touching a view, and one command brings the history back into it', async () => {
    await post()
    await settled()
    const before = await writes()
    await kafka.lose()
    await eventually(async () => (await withAdmin((admin) => admin.listTopics())).includes(topic))
    expect(await writes()).toBe(before)
    await post()
    await settled()
    await views.expectEachOnceInOrder()

    const after = await writes()
    const republished = await bus('republish', '--from', '0', '--reason', 'the brokers are new')
    expect(republished).toMatchObject({ code: 0, stderr: '' })
    expect(republished.stdout).toMatch(/^republication \d+ of 0 to \d+: \d+ events sent again, through/)
    const logged = await views.sql<{ index: number; subject: string }[]>`
      select index, subject from log.entries where kind = 'event' order by index`
    const messages = await readTopicEvents(client, topic)
    for (let partition = 0; partition < 12; partition++) {
      const mine = logged.filter(({ subject }) => partitionOf(subject, 12) === partition).map(({ index }) => index)
      const brought = messages.filter((message) => message.partition === partition)
      expect([...new Set(brought.map(({ index }) => index))].toSorted((a, b) => a - b)).toEqual(mine)
      for (const { index, previous } of brought) expect(previous).toBe(mine[mine.indexOf(index) - 1] ?? -1)
      // what was sent again came in one piece, in order
      expect(brought.map(({ index }) => index).join()).toContain(mine.join())
    }
    expect(await writes()).toBe(after)
    await post()
    await settled()
    await views.expectEachOnceInOrder()

    const status = await bus('status')
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(status.stdout).toContain('the brokers are new')
    for (const bureau of bureauIds) expect(status.stdout).toMatch(new RegExp(`^${bureau} +0 +-`, 'm'))
  })

  it('finds the hole that a message left which lied about what came before it, and heals it', async () => {
    expect(await publisher.stop()).toBe(0)
    const subject = companies(1, posted)[0]?.subject ?? ''
    await post(1)
    const [, last] = await views.sql<{ index: number; entry: string }[]>`
      select index, entry from log.entries where kind = 'event' and subject = ${subject} order by index`
    const partition = partitionOf(subject, 12)
    const headers = { lianban_message: 'event', lianban_index: String(last?.index), lianban_previous: '-1' }
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({ topic, messages: [{ key: subject, value: last?.entry ?? '', partition, headers }] })
    await producer.disconnect()
    for (const bureau of ['commerce', 'state_tax', 'local_tax'])
      await eventually(async () => {
        const [row] = await views.sql`
          select index from ${views.sql(`view_${bureau}`)}.positions where partition = ${partition}`
        return row?.index === last?.index
      })
    publisher = await deployment.start(['publish'])
    await published()

    for (const bureau of bureauIds) {
      const checked = await bus('check', '--bureau', bureau, '--reason', 'a partition was overtaken')
      expect(checked).toMatchObject({ code: 1, stderr: '' })
      expect(checked.stdout).toContain(': 1 events were missing, and are folded in from the log')
    }
    await settled()
    const again = await bus('check', '--bureau', 'commerce', '--reason', 'to be sure')
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toContain('nothing was missing')
    expect(said()).toContain('ALARM: the view lacked events in its past')
    const alarms = await views.sql<{ about: string }[]>`
      select about from operations.alarms where kind = 'hole' and state = 'raised' order by about`
    expect(alarms.map(({ about }) => about)).toEqual(bureauIds.toSorted())
  })

  it('fills a view again whose schema is dropped under it, and says that it was gone', async () => {
    await views.sql`drop schema view_local_tax cascade`
    await settled()
    expect(consumers.get('local-tax')?.output()).toContain('the tables of the view are gone')
    await post()
    await settled()
  })
})
