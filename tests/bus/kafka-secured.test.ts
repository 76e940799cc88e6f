import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { kafkaSettingsOf } from '../../src/bus/kafka-settings.ts'
import { readConfig } from '../../src/config.ts'
import { appendEvents } from '../support/append-events.ts'
import { createSubscriber } from '../support/bus-subscriber.ts'
import { type MadeCa, makeCa } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithKafka, type RunningKafka, startKafka } from '../support/kafka.ts'
import { lianban } from '../support/lianban.ts'
import { expectAllOnceInOrder, subjects, upTo } from './bus-contract.ts'
import { type KafkaFixture, kafkaFixture } from './kafka-fixture.ts'

describeWithKafka('a Kafka with logins over TLS', () => {
  const password = 'p:a ss=word' // a colon, a space and "=" are legal
  let folder: string
  let ca: MadeCa
  let kafka: RunningKafka
  let fixture: KafkaFixture
  /** what works */
  let env: Readonly<Record<string, string>>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lianban-kafka-tls-'))
    ca = await makeCa(folder, 'ca')
    const broker = await ca.sign('broker', 'IP:127.0.0.1')
    const client = await ca.sign('client')
    const keystore = join(folder, 'keystore.pem')
    await writeFile(keystore, `${await readFile(broker.keyFile, 'utf8')}${await readFile(broker.certFile, 'utf8')}`)
    kafka = await startKafka(['--tls', keystore, '--client-ca', ca.file, '--user', `lianban:${password}`])
    env = {
      KAFKA_BROKERS: kafka.brokers,
      KAFKA_SSL_CA: ca.file,
      KAFKA_SSL_CERT: client.certFile,
      KAFKA_SSL_KEY: client.keyFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'lianban',
      KAFKA_SASL_PASSWORD: password,
    }
  })
  afterAll(async () => {
    await kafka?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    fixture = await kafkaFixture(kafka.brokers.split(','))
  })
  afterEach(() => fixture.close())

  async function open(settings: Readonly<Record<string, string>>) {
    const { kafka: config } = readConfig({ ...env, ...settings })
    if (config === undefined) throw new Error('no brokers')
    return fixture.open(await kafkaSettingsOf(config))
  }

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('carries every event once and in order: %s', async (mechanism) => {
    const bus = await open({ KAFKA_SASL_MECHANISM: mechanism })
    const subscriber = await createSubscriber(fixture.sql, 'commerce')
    bus.publish()
    bus.consume(subscriber)
    await appendEvents(fixture.sql, 0, subjects(10))
    await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
  })

  it.each([
    [
      'a wrong password',
      { KAFKA_SASL_PASSWORD: 'guessed' },
      'see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
    ],
    ['a wrong password, plain', { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'guessed' }, 'see KAFKA_SASL_MECHANISM'],
    ['a CA that we do not know', { KAFKA_SSL_CA: '' }, 'name the CA’s file in KAFKA_SSL_CA'],
    ['no certificate of ours', { KAFKA_SSL_CERT: '', KAFKA_SSL_KEY: '' }, 'see KAFKA_SSL_CERT and KAFKA_SSL_KEY'],
    ['another name', { KAFKA_BROKERS: 'localhost' }, 'use one of those in KAFKA_BROKERS'],
  ])('says what to do about %s, and goes on trying', async (_, settings, remedy) => {
    const named = 'KAFKA_BROKERS' in settings ? { KAFKA_BROKERS: kafka.brokers.replace('127.0.0.1', 'localhost') } : settings
    const bus = await open(named)
    const publishing = bus.publish()
    const consuming = bus.consume(await createSubscriber(fixture.sql, 'commerce'))
    await eventually(async () => {
      const said = fixture.log.lines.filter(({ level }) => level === 'error')
      const text = JSON.stringify(said.map(({ message, fields }) => ({ message, ...fields })))
      expect(text).toContain(remedy)
      expect(text).toContain('the publisher waits')
      expect(text).toContain('the consumer is built anew')
      expect(text).not.toContain('guessed')
    })
    expect([publishing.state(), consuming.state()]).toEqual(['waiting', 'waiting'])
  })

  it.each([['publish'], ['consume']])(
    'does not start with files that hold no PEM, and says so in a sentence each: %s',
    async (role) => {
      const text = join(folder, 'text.pem')
      await writeFile(text, 'no PEM at all')
      const files = { KAFKA_SSL_CA: text, KAFKA_SSL_KEY: join(folder, 'none.key') }
      const { code, stderr } = await lianban([role], {
        env: { ...env, ...files, PORT: 'eighty', DATABASE_URL: 'postgres://127.0.0.1:1/x' },
      })
      expect(code).toBe(2)
      expect(stderr.split('\n')).toEqual([
        'lianban: 3 settings are wrong:',
        expect.stringMatching(/^ {2}- PORT must be /),
        `  - KAFKA_SSL_CA must name a file with a certificate in PEM, and there is none in ${text}`,
        `  - KAFKA_SSL_KEY can’t be read: ENOENT ${join(folder, 'none.key')}`,
        '',
      ])
    },
  )
})
