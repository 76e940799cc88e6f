import { Kafka, logLevel } from 'kafkajs'
import postgres, { type Sql } from 'postgres'
import type { Bus } from '../../src/bus/bus.ts'
import { createKafkaBus, type KafkaBusOptions } from '../../src/bus/kafka.ts'
import { keepingLog } from '../support/bus-log.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { kinds } from './bus-contract.ts'

export interface KafkaFixture {
  readonly url: string
  readonly sql: Sql
  readonly prefix: string
  /** the one topic, with prefix */
  readonly topic: string
  /** a plain client, as a foreign tool would use */
  readonly kafka: Kafka
  readonly log: ReturnType<typeof keepingLog>
  open(options?: Partial<KafkaBusOptions>): Bus
  close(): Promise<void>
}

/** A database with an empty log, and buses on it that share a topic prefix of their own. */
export async function kafkaFixture(brokers: readonly string[]): Promise<KafkaFixture> {
  const database = await migratedDatabase()
  const sql = postgres(database.url, { max: 12, onnotice: () => undefined })
  const prefix = `test-${process.pid}-${Date.now()}`
  const log = keepingLog()
  const buses: Bus[] = []
  return {
    url: database.url,
    sql,
    prefix,
    topic: `${prefix}.registration`,
    kafka: new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }),
    log,
    open(options) {
      const bus = createKafkaBus({ brokers, prefix, sql, kinds, log, ...options })
      buses.push(bus)
      return bus
    },
    async close() {
      await Promise.all(buses.map((bus) => bus.close()))
      await sql.end({ timeout: 5 })
      await database.close()
    },
  }
}
