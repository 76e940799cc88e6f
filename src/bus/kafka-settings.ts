import { readFile } from 'node:fs/promises'
import type { KafkaConfig } from '../config.ts'
import { assertNever } from '../domain/text.ts'
import type { KafkaSettings } from './kafka-client.ts'

/** How to reach the brokers, with the files that the configuration names. */
export async function kafkaSettingsOf({ brokers, ssl, sasl }: KafkaConfig): Promise<KafkaSettings> {
  return {
    brokers,
    ...(ssl === undefined ? {} : { ssl: await tlsOf(ssl) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  }
}

async function tlsOf({ caFile, certFile, keyFile }: NonNullable<KafkaConfig['ssl']>) {
  const read = (file: string) => readFile(file, 'utf8')
  return {
    ...(caFile === undefined ? {} : { ca: [await read(caFile)] }),
    ...(certFile === undefined ? {} : { cert: await read(certFile) }),
    ...(keyFile === undefined ? {} : { key: await read(keyFile) }),
  }
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
