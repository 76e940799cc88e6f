import { readFile } from 'node:fs/promises'
import type { KafkaConfig } from '../config.ts'
import { CannotStart } from '../domain/cannot-start.ts'
import { assertNever } from '../domain/text.ts'
import type { KafkaSettings } from './kafka-client.ts'

/**
 * How to reach the brokers, with the files that the configuration names.
 *
 * @throws {CannotStart} when one of them can't be read
 */
export async function kafkaSettingsOf({ brokers, ssl, sasl }: KafkaConfig): Promise<KafkaSettings> {
  return {
    brokers,
    ...(ssl === undefined ? {} : { ssl: await tlsOf(ssl) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  }
}

async function tlsOf({ caFile, certFile, keyFile }: NonNullable<KafkaConfig['ssl']>) {
  return {
    ...(caFile === undefined ? {} : { ca: [await read('KAFKA_SSL_CA', caFile)] }),
    ...(certFile === undefined ? {} : { cert: await read('KAFKA_SSL_CERT', certFile) }),
    ...(keyFile === undefined ? {} : { key: await read('KAFKA_SSL_KEY', keyFile) }),
  }
}

function read(setting: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CannotStart(`${setting} can’t be read: ${cause.code} ${file}`, { cause })
  })
}

/** kafkajs has one type for each mechanism. */
function saslOf({ mechanism, ...user }: NonNullable<KafkaConfig['sasl']>) {
  switch (mechanism) {
    case 'plain':
      return { mechanism, ...user }
    case 'scram-sha-256':
      return { mechanism, ...user }
    case 'scram-sha-512':
      return { mechanism, ...user }
    default:
      return assertNever(mechanism)
  }
}
