import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WebhookSettings } from './alarm/webhook.ts'
import { databaseTlsOf } from './database/server.ts'
import { parseWitnesses } from './log/cosignature.ts'
import {
  brokersOf,
  hostOf,
  httpUrlOf,
  oneOf,
  originOf,
  portOf,
  postgresUrlOf,
  prefixOf,
  shown,
  type WitnessText,
  wholeFrom,
  witnessesOf,
} from './setting-values.ts'
import { type TlsFiles, tlsFileFaults } from './tls-files.ts'
import type { WitnessSettings } from './witness/settings.ts'

/** Every setting, read once; nothing else in the program looks at the environment. */
export interface Config {
  readonly host: string
  readonly port: number
  /** of a process without the gateway's role; undefined: it listens nowhere */
  readonly metricsPort: number | undefined
  readonly dataDir: string
  /** undefined: the embedded Postgres of `dataDir` */
  readonly databaseUrl: string | undefined
  /** undefined: the embedded bus */
  readonly kafka: KafkaConfig | undefined
  /** undefined: nobody cosigns the log */
  readonly witnesses: WitnessSettings | undefined
  /** undefined: alarms are log lines, metrics and rows alone */
  readonly webhook: WebhookSettings | undefined
  /** between two heartbeats of each partition */
  readonly heartbeatSeconds: number
  /** from the end of a check for holes to the next one */
  readonly checkEverySeconds: number
  /** path of the catalogue taken at the very first start */
  readonly cataloguePath: string
  readonly logOrigin: string
  readonly logKeyFile: string
  readonly logLevel: LogLevel
  readonly production: boolean
}

export interface KafkaConfig {
  readonly brokers: readonly string[]
  /** of topics and consumer groups */
  readonly prefix: string
  readonly ssl: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined
  readonly sasl:
    | { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string }
    | undefined
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Settings that can't be used; names every fault at once. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      `${faults.length === 1 ? 'a setting is' : `${faults.length} settings are`} wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    )
    this.faults = faults
  }
}

type Environment = Readonly<Record<string, string | undefined>>

type FaultsOfFiles = (files: TlsFiles) => readonly string[]

/**
 * @param env the process's environment by default
 * @param faultsOfFiles looks at the files of TLS connections; by default it opens them
 * @throws {ConfigInvalid} with every fault of it
 */
export function readConfig(env: Environment = process.env, faultsOfFiles: FaultsOfFiles = tlsFileFaults): Config {
  const faults: string[] = []
  const read = <T>(name: string, fallback: string, parse: (text: string) => T | undefined, wants: string): T | undefined => {
    const text = env[name] === undefined || env[name] === '' ? fallback : env[name]
    const value = parse(text)
    if (value === undefined) faults.push(`${name} must be ${wants}; ${shown(name, text)}`)
    return value
  }
  const dataDir = resolve(env.DATA_DIR || '.lianban')
  const production =
    read('NODE_ENV', 'development', oneOf(['production', 'development', 'test']), 'production, or unset') === 'production'
  const host = read('HOST', '127.0.0.1', hostOf, 'a host name or an address to listen on')
  const port = read('PORT', '8080', portOf, 'a port from 0 to 65535')
  const metricsPort = env.METRICS_PORT ? read('METRICS_PORT', '', portOf, 'a port from 0 to 65535') : undefined
  const databaseUrl = readDatabaseUrl(env, read, faults, faultsOfFiles)
  const logOrigin = read('LOG_ORIGIN', 'localhost/lianban', originOf, 'a name like lianban.example/dalian without spaces and "+"')
  const logLevel = read('LOG_LEVEL', 'info', oneOf(logLevels), `one of ${logLevels.join(', ')}`)
  const kafka = readKafka(env, read, faults, faultsOfFiles)
  const heartbeatSeconds = read('HEARTBEAT_SECONDS', '10', wholeFrom(1, 3600), 'a number of seconds from 1 to 3600')
  const checkEverySeconds = read('CHECK_EVERY_SECONDS', '3600', wholeFrom(1, 604_800), 'a number of seconds from 1 to 604800')
  const witnesses = readWitnesses(env, read, faults)
  const webhook = readWebhook(env, read, faults)
  if (production && databaseUrl === undefined && !env.DATABASE_URL)
    faults.push('DATABASE_URL must be set when NODE_ENV is production: the embedded database is for one machine')
  if (
    faults.length > 0 ||
    host === undefined ||
    port === undefined ||
    logOrigin === undefined ||
    logLevel === undefined ||
    heartbeatSeconds === undefined ||
    checkEverySeconds === undefined
  )
    throw new ConfigInvalid(faults)
  return {
    host,
    port,
    metricsPort,
    dataDir,
    databaseUrl,
    kafka,
    witnesses,
    webhook,
    heartbeatSeconds,
    checkEverySeconds,
    cataloguePath: resolve(env.CATALOGUE || fileURLToPath(new URL('../schemas/catalogue.json', import.meta.url))),
    logOrigin,
    logKeyFile: resolve(env.LOG_KEY_FILE || `${dataDir}/log.key`),
    logLevel,
    production,
  }
}

/** For commands that have nothing to do with Kafka: whether this user may read its files does not matter then. */
export function readConfigWithoutKafka(env: Environment = process.env): Config {
  return readConfig(env, (files) => (isOfKafka(files) ? [] : tlsFileFaults(files)))
}

const isOfKafka = ({ ca, cert, key }: TlsFiles) => [ca, cert, key].some((named) => named?.setting.startsWith('KAFKA_'))

type Read = <T>(name: string, fallback: string, parse: (text: string) => T | undefined, wants: string) => T | undefined

function readDatabaseUrl(env: Environment, read: Read, faults: string[], faultsOfFiles: FaultsOfFiles): string | undefined {
  if (!env.DATABASE_URL) return undefined
  const url = read(
    'DATABASE_URL',
    '',
    postgresUrlOf,
    'a URL like postgres://user:password@host:5432/database, with % written as %25',
  )
  try {
    const tls = url === undefined ? undefined : databaseTlsOf(url)
    const named = (parameter: string, file: string | undefined) => fileOf(`${parameter} of DATABASE_URL`, file)
    if (tls !== undefined)
      faults.push(
        ...faultsOfFiles({
          ca: named('sslrootcert', tls.caFile),
          cert: named('sslcert', tls.certFile),
          key: named('sslkey', tls.keyFile),
        }),
      )
    return url
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

/** Without brokers these would be asked for and not used; a prefix alone asks for nothing. */
const kafkaSafety = [
  'KAFKA_SSL',
  'KAFKA_SSL_CA',
  'KAFKA_SSL_CERT',
  'KAFKA_SSL_KEY',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
] as const

function readKafka(env: Environment, read: Read, faults: string[], faultsOfFiles: FaultsOfFiles): KafkaConfig | undefined {
  if (!env.KAFKA_BROKERS) {
    const unused = kafkaSafety.filter((name) => env[name])
    if (unused.length > 0) faults.push(`KAFKA_BROKERS must be set with ${unused.join(', ')}: else the bus is the embedded one`)
    return undefined
  }
  const brokers = read('KAFKA_BROKERS', '', brokersOf, 'a list like host1:9092,host2:9092')
  const prefix = read('KAFKA_PREFIX', 'lianban', prefixOf, 'letters, digits, ".", "_" and "-", at most 100')
  const useSsl = read(
    'KAFKA_SSL',
    env.KAFKA_SSL_CA || env.KAFKA_SSL_CERT || env.KAFKA_SSL_KEY ? 'true' : 'false',
    oneOf(['true', 'false']),
    'true or false',
  )
  const mechanism = env.KAFKA_SASL_MECHANISM
    ? read(
        'KAFKA_SASL_MECHANISM',
        '',
        oneOf(['plain', 'scram-sha-256', 'scram-sha-512']),
        'plain, scram-sha-256 or scram-sha-512',
      )
    : undefined
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = env
  if (!env.KAFKA_SASL_MECHANISM && (username || password))
    faults.push('KAFKA_SASL_MECHANISM must be set with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: else they are not used')
  if (mechanism && !username) faults.push('KAFKA_SASL_USERNAME must be set with KAFKA_SASL_MECHANISM')
  if (mechanism && !password) faults.push('KAFKA_SASL_PASSWORD must be set with KAFKA_SASL_MECHANISM')
  if (useSsl === 'false' && (env.KAFKA_SSL_CA || env.KAFKA_SSL_CERT || env.KAFKA_SSL_KEY))
    faults.push('KAFKA_SSL must not be false with KAFKA_SSL_CA, KAFKA_SSL_CERT and KAFKA_SSL_KEY: else they are not used')
  if (Boolean(env.KAFKA_SSL_CERT) !== Boolean(env.KAFKA_SSL_KEY)) faults.push('KAFKA_SSL_CERT and KAFKA_SSL_KEY go together')
  const files = (['KAFKA_SSL_CA', 'KAFKA_SSL_CERT', 'KAFKA_SSL_KEY'] as const).map((name) => fileOf(name, env[name]))
  faults.push(...faultsOfFiles({ ca: files[0], cert: files[1], key: files[2] }))
  if (brokers === undefined || prefix === undefined) return undefined
  return {
    brokers,
    prefix,
    ssl:
      useSsl === 'true'
        ? {
            ...(env.KAFKA_SSL_CA ? { caFile: env.KAFKA_SSL_CA } : {}),
            ...(env.KAFKA_SSL_CERT ? { certFile: env.KAFKA_SSL_CERT } : {}),
            ...(env.KAFKA_SSL_KEY ? { keyFile: env.KAFKA_SSL_KEY } : {}),
          }
        : undefined,
    sasl: mechanism && username && password ? { mechanism, username, password } : undefined,
  }
}

function readWitnesses(env: Environment, read: Read, faults: string[]): WitnessSettings | undefined {
  const { WITNESSES, WITNESS_QUORUM, WITNESS_MAX_LAG_SECONDS, WITNESS_REQUIRED } = env
  if (!WITNESSES) {
    if (WITNESS_QUORUM || WITNESS_MAX_LAG_SECONDS || WITNESS_REQUIRED)
      faults.push(
        'WITNESSES must be set with WITNESS_QUORUM, WITNESS_MAX_LAG_SECONDS and WITNESS_REQUIRED: else they are not used',
      )
    return undefined
  }
  const pairs = read('WITNESSES', '', witnessesOf, 'a list like https://witness.example=name+1a2b3c4d+BASE64, …')
  const count = pairs?.length ?? 64
  const quorum = read('WITNESS_QUORUM', String(count), wholeFrom(1, count), `a number from 1 to that of WITNESSES, ${count}`)
  const maxLagSeconds = read('WITNESS_MAX_LAG_SECONDS', '60', wholeFrom(1, 86_400), 'a number of seconds from 1 to 86400')
  const required = read('WITNESS_REQUIRED', 'false', oneOf(['true', 'false']), 'true or false')
  const witnesses = pairs && witnessesBy(pairs, faults)
  if (witnesses === undefined || quorum === undefined || maxLagSeconds === undefined || required === undefined) return undefined
  return { witnesses, quorum, maxLagSeconds, required: required === 'true' }
}

function witnessesBy(pairs: readonly WitnessText[], faults: string[]): WitnessSettings['witnesses'] | undefined {
  try {
    const keys = parseWitnesses(pairs.map(({ vkey }) => vkey))
    return keys.map((witness, i) => ({ url: pairs[i]?.url ?? '', witness }))
  } catch (error) {
    faults.push(`WITNESSES: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function readWebhook(env: Environment, read: Read, faults: string[]): WebhookSettings | undefined {
  const { ALARM_WEBHOOK_URL, ALARM_WEBHOOK_SECRET_FILE } = env
  if (!ALARM_WEBHOOK_URL !== !ALARM_WEBHOOK_SECRET_FILE)
    faults.push('ALARM_WEBHOOK_URL and ALARM_WEBHOOK_SECRET_FILE go together: a message without a signature could be anybody’s')
  if (!ALARM_WEBHOOK_URL || !ALARM_WEBHOOK_SECRET_FILE) return undefined
  const url = read('ALARM_WEBHOOK_URL', '', httpUrlOf, 'a URL like https://alarms.example/lianban')
  return url === undefined ? undefined : { url, secretFile: resolve(ALARM_WEBHOOK_SECRET_FILE) }
}

const fileOf = (setting: string, file: string | undefined) => (file ? { setting, file } : undefined)
