import { Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs'
import type { BusLog } from './bus-log.ts'
import { withoutIdleTimer } from './idle-timer.ts'

withoutIdleTimer()

export interface KafkaSettings {
  readonly brokers: readonly string[]
  readonly ssl?: KafkaConfig['ssl']
  readonly sasl?: KafkaConfig['sasl']
}

/** Retries inside kafkajs end after a few seconds; ours around them, which build a client anew, never do. */
export const kafkaRetry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 4 }

export function connectKafka({ brokers, ssl, sasl }: KafkaSettings, log: BusLog): Kafka {
  return new Kafka({
    clientId: 'lianban',
    brokers: [...brokers],
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: 3000,
    requestTimeout: 15_000,
    enforceRequestTimeout: true,
    retry: kafkaRetry,
    // a broker that is away makes kafkajs shout several times a second; what matters is said by the bus itself
    logLevel: logLevel.INFO,
    logCreator: () => (entry: LogEntry) => {
      const { message, timestamp: _, ...fields } = entry.log
      log.debug({ ...fields, from: entry.namespace }, `kafkajs: ${message}`)
    },
  })
}
