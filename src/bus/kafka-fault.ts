import { type TlsSettingNames, tlsRemedy } from '../domain/tls-fault.ts'
import type { BusLog } from './bus-log.ts'

const settings: TlsSettingNames = { ca: 'KAFKA_SSL_CA', own: 'KAFKA_SSL_CERT and KAFKA_SSL_KEY', server: 'KAFKA_BROKERS' }
const login = 'the broker refuses our login: see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'

/** Logs that the bus waits: by a warning, or where time won't cure it by an error that says what to do. */
export function logWaiting(log: BusLog, fields: object, error: unknown, message: string): void {
  const remedy = kafkaRemedy(error)
  const said = { ...fields, error, remedy }
  if (remedy === undefined) log.warn(said, message)
  else log.error(said, message)
}

/**
 * What to do about a broker that will not have us, or that we will not trust.
 *
 * @returns undefined when the failure is of something else, or may pass by itself
 */
export function kafkaRemedy(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name === 'KafkaJSSASLAuthenticationError') return login
  const remedy = 'code' in error ? tlsRemedy(String(error.code), settings) : undefined
  // kafkajs wraps what it has tried several times
  return remedy ?? kafkaRemedy(error.cause)
}
