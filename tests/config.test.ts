import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigInvalid, readConfig, readConfigWithoutKafka } from '../src/config.ts'
import { tlsFileFaults } from '../src/tls-files.ts'
import { type MadeCa, type MadeCertificate, makeCa } from './support/certificates.ts'
import { madeWitness } from './support/made-witness.ts'

const [{ vkey: one }, { vkey: two }] = [madeWitness('w.example/one'), madeWitness('w.example/two')]

/** Most files that are named here are nowhere, and not what is looked at. */
const unopened = () => []

function faultsOf(env: Record<string, string>, faultsOfFiles: typeof tlsFileFaults = unopened): readonly string[] {
  try {
    readConfig(env, faultsOfFiles)
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.faults
    throw error
  }
  return []
}

describe('settings', () => {
  it('may all be left out', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 8080,
      metricsPort: undefined,
      dataDir: resolve('.lianban'),
      databaseUrl: undefined,
      kafka: undefined,
      witnesses: undefined,
      webhook: undefined,
      heartbeatSeconds: 10,
      checkEverySeconds: 3600,
      cataloguePath: resolve('schemas/catalogue.json'),
      logOrigin: 'localhost/lianban',
      logKeyFile: resolve('.lianban/log.key'),
      logLevel: 'info',
      production: false,
    })
  })

  it('that are empty are as if left out', () => {
    const names = [
      'HOST',
      'PORT',
      'DATA_DIR',
      'DATABASE_URL',
      'KAFKA_BROKERS',
      'CATALOGUE',
      'LOG_ORIGIN',
      'LOG_KEY_FILE',
      'LOG_LEVEL',
    ]
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}))
  })

  it('are all taken', () => {
    const url = 'postgresql://user:secret@db.example:5432/lianban?sslmode=require'
    const env = {
      HOST: '::1',
      PORT: '0',
      DATA_DIR: '/var/lib/lianban',
      DATABASE_URL: url,
      KAFKA_BROKERS: 'one.example:9092, two.example:9093',
      KAFKA_PREFIX: 'city.lianban',
      HEARTBEAT_SECONDS: '5',
      CHECK_EVERY_SECONDS: '600',
      KAFKA_SSL_CA: '/ca.pem',
      KAFKA_SSL_CERT: '/cert.pem',
      KAFKA_SSL_KEY: '/key.pem',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'lianban',
      KAFKA_SASL_PASSWORD: 'secret',
      CATALOGUE: '/etc/lianban/catalogue.json',
      LOG_ORIGIN: 'lianban.example/dalian',
      LOG_KEY_FILE: '/run/secrets/log.key',
      LOG_LEVEL: 'warn',
      NODE_ENV: 'production',
    }
    expect(readConfig(env, unopened)).toEqual({
      host: '::1',
      port: 0,
      dataDir: '/var/lib/lianban',
      databaseUrl: url,
      kafka: {
        brokers: ['one.example:9092', 'two.example:9093'],
        prefix: 'city.lianban',
        ssl: { caFile: '/ca.pem', certFile: '/cert.pem', keyFile: '/key.pem' },
        sasl: { mechanism: 'scram-sha-512', username: 'lianban', password: 'secret' },
      },
      heartbeatSeconds: 5,
      checkEverySeconds: 600,
      cataloguePath: '/etc/lianban/catalogue.json',
      logOrigin: 'lianban.example/dalian',
      logKeyFile: '/run/secrets/log.key',
      logLevel: 'warn',
      production: true,
    })
  })

  it('of Kafka without TLS and login are just brokers', () => {
    const { kafka } = readConfig({ KAFKA_BROKERS: 'localhost:9092' })
    expect(kafka).toEqual({ brokers: ['localhost:9092'], prefix: 'lianban', ssl: undefined, sasl: undefined })
    expect(readConfig({ KAFKA_BROKERS: 'localhost:9092', KAFKA_SSL: 'true' }).kafka?.ssl).toEqual({})
  })

  it.each([
    ['HOST', 'a b'],
    ['HOST', 'http://x'],
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['DATABASE_URL', 'not a url'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['KAFKA_BROKERS', 'localhost'],
    ['KAFKA_BROKERS', 'localhost:9092,'],
    ['KAFKA_BROKERS', 'kafka://localhost:9092'],
    ['LOG_ORIGIN', 'two words'],
    ['LOG_ORIGIN', 'a+b'],
    ['LOG_LEVEL', 'shout'],
    ['LOG_LEVEL', 'INFO'],
  ])('are refused: %s=%j', (name, value) => {
    const faults = faultsOf({ [name]: value })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^${name} must be `))
  })

  it.each([
    ['KAFKA_PREFIX', { KAFKA_PREFIX: 'a/b' }],
    ['KAFKA_SSL', { KAFKA_SSL: 'yes' }],
    ['KAFKA_SASL_MECHANISM', { KAFKA_SASL_MECHANISM: 'gssapi', KAFKA_SASL_USERNAME: 'a', KAFKA_SASL_PASSWORD: 'b' }],
    ['KAFKA_SASL_USERNAME', { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'b' }],
    ['KAFKA_SASL_PASSWORD', { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'a' }],
    ['KAFKA_SASL_MECHANISM', { KAFKA_SASL_USERNAME: 'a', KAFKA_SASL_PASSWORD: 'b' }],
    ['KAFKA_SSL', { KAFKA_SSL: 'false', KAFKA_SSL_CA: '/ca.pem' }],
    ['KAFKA_SSL_CERT', { KAFKA_SSL_CERT: '/cert.pem' }],
    ['KAFKA_SSL_CERT', { KAFKA_SSL_KEY: '/key.pem' }],
    ['KAFKA_SSL_CERT', { KAFKA_SSL_CERT: '', KAFKA_SSL_KEY: '/key.pem' }],
  ])('of Kafka are refused: %s in %j', (name, env) => {
    const faults = faultsOf({ KAFKA_BROKERS: 'localhost:9092', ...env })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(name)
  })

  it.each([
    { KAFKA_SSL: 'true' },
    { KAFKA_SSL_CA: '/ca.pem' },
    { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'a', KAFKA_SASL_PASSWORD: 'hunter2' },
  ])('of Kafka are refused without brokers, for they would not be used: %j', (env) => {
    const faults = faultsOf(env)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(`KAFKA_BROKERS must be set with ${Object.keys(env).join(', ')}`)
    expect(faults[0]).not.toContain('hunter2')
    expect(faultsOf({ KAFKA_PREFIX: 'test' })).toEqual([])
  })

  it.each([
    ['sslmode=prefer', 'sslmode of disable, require, verify-ca, verify-full'],
    ['sslmode=allow', 'sslmode of disable, require, verify-ca, verify-full'],
    ['ssl=true', 'no ssl'],
    ['sslmode=verify-full&sslcrl=/crl.pem', 'no sslcrl'],
    ['sslrootcert=/ca.pem', 'needs sslmode=verify-full'],
    ['sslmode=verify-full&sslcert=/client.pem', 'sslcert and sslkey together'],
  ])('of the database’s TLS are refused: %s', (query, words) => {
    const faults = faultsOf({ DATABASE_URL: `postgres://user:hunter2@db.example/x?${query}` })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(/^DATABASE_URL /)
    expect(faults[0]).toContain(words)
    expect(faults[0]).not.toContain('hunter2')
  })

  it.each([
    ['WITNESSES', { WITNESSES: 'https://w.example' }],
    ['WITNESSES', { WITNESSES: `ftp://w.example=${one}` }],
    ['WITNESSES', { WITNESSES: `https://w.example=${one},` }],
    ['WITNESSES', { WITNESSES: `https://w.example=${one.replace('+', '+0')}` }],
    ['WITNESSES', { WITNESSES: `https://w.example=${one}, https://v.example=${one}` }],
    ['WITNESS_QUORUM', { WITNESS_QUORUM: '0' }],
    ['WITNESS_QUORUM', { WITNESS_QUORUM: '3' }],
    ['WITNESS_MAX_LAG_SECONDS', { WITNESS_MAX_LAG_SECONDS: '0' }],
    ['WITNESS_REQUIRED', { WITNESS_REQUIRED: 'yes' }],
    ['WITNESSES', { WITNESSES: '', WITNESS_REQUIRED: 'true' }],
  ])('of witnesses are refused: %s in %j', (name, env) => {
    const faults = faultsOf({ WITNESSES: `https://w.example=${one}, https://w.example/2=${two}`, ...env })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^${name}\\b`))
  })

  it.each([
    ['NODE_ENV', { NODE_ENV: 'Production', DATABASE_URL: 'postgres://db/x' }],
    ['KAFKA_BROKERS', { KAFKA_BROKERS: '127.0.0.1:99999' }],
    ['KAFKA_BROKERS', { KAFKA_BROKERS: '127.0.0.1:0' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://user:50%zz@db/x' }],
  ])('that look right and are not are refused: %s in %j', (name, env) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name} must be`))])
  })

  it('of witnesses are refused together: a key that is none, and a quorum', () => {
    const WITNESSES = `https://w.example=${one.replace('+', '+0')}`
    expect(faultsOf({ WITNESSES, WITNESS_QUORUM: '3' }).map((fault) => fault.split(/\W/, 1)[0])).toEqual([
      'WITNESS_QUORUM',
      'WITNESSES',
    ])
  })

  it('name witnesses, all of which are asked for unless a quorum is set', () => {
    const WITNESSES = `https://w.example/path=${one}, http://127.0.0.1:80=${two}`
    const { witnesses } = readConfig({ WITNESSES })
    expect(witnesses?.witnesses.map(({ url, witness }) => [url, witness.vkey])).toEqual([
      ['https://w.example/path', one],
      ['http://127.0.0.1:80', two],
    ])
    expect(witnesses).toMatchObject({ quorum: 2, maxLagSeconds: 60, required: false })
    const more = { WITNESS_QUORUM: '1', WITNESS_MAX_LAG_SECONDS: '5', WITNESS_REQUIRED: 'true' }
    expect(readConfig({ WITNESSES, ...more }).witnesses).toMatchObject({ quorum: 1, maxLagSeconds: 5, required: true })
  })

  it('name every fault at once', () => {
    const faults = faultsOf({
      HOST: 'a b',
      PORT: 'eighty',
      DATABASE_URL: 'not a url',
      KAFKA_BROKERS: 'nowhere',
      KAFKA_PREFIX: '/',
      LOG_ORIGIN: 'a b',
      LOG_LEVEL: 'shout',
    })
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'HOST',
      'PORT',
      'DATABASE_URL',
      'LOG_ORIGIN',
      'LOG_LEVEL',
      'KAFKA_BROKERS',
      'KAFKA_PREFIX',
    ])
    expect(() => readConfig({ PORT: 'x', HOST: ' ' })).toThrow(/2 settings are wrong:\n {2}- HOST .*\n {2}- PORT /)
  })

  it('do not let production run on an embedded database', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([expect.stringMatching(/^DATABASE_URL must be set/)])
    expect(faultsOf({ NODE_ENV: 'production', DATABASE_URL: 'postgres://db/x' })).toEqual([])
  })

  it.each([
    'mysql://user:hunter2@host/x',
    'user:hunter2@host/x',
    'postgres//user:hunter2@host/x',
    'postgres://user:hunter2@host:99999/x',
    'postgres://user:hunter2@with@signs@host:x/',
    'postgres://user:hunt/er2@host:x/',
    'host=db user=me password=hunter2',
  ])('show no password when they are wrong: %s', (url) => {
    const text = faultsOf({ DATABASE_URL: url, KAFKA_BROKERS: 'x', KAFKA_SASL_PASSWORD: 'hunter2' }).join('\n')
    expect(text).toContain('DATABASE_URL must be')
    expect(text).not.toMatch(/hunter2|hunt\/er2|er2/)
  })

  it('of the webhook go together, and show no token of its URL when they are wrong', () => {
    const file = { ALARM_WEBHOOK_SECRET_FILE: '/run/secrets/webhook' }
    expect(readConfig({ ALARM_WEBHOOK_URL: 'https://alarms.example/t/4711', ...file }).webhook).toEqual({
      url: 'https://alarms.example/t/4711',
      secretFile: '/run/secrets/webhook',
    })
    expect(faultsOf(file).join()).toMatch(/go together/)
    expect(faultsOf({ ALARM_WEBHOOK_URL: 'https://alarms.example/' }).join()).toMatch(/go together/)
    const wrong = faultsOf({ ALARM_WEBHOOK_URL: 'alarms.example/hunter2', ...file }).join()
    expect(wrong).toMatch(/ALARM_WEBHOOK_URL must be/)
    expect(wrong).not.toContain('hunter2')
    expect(readConfig({ METRICS_PORT: '9100' }).metricsPort).toBe(9100)
    expect(faultsOf({ METRICS_PORT: 'x' }).join()).toMatch(/METRICS_PORT must be/)
  })
})

describe('files of TLS', () => {
  let folder: string
  let ca: MadeCa
  let client: MadeCertificate
  /** file by name, each with something that is wrong */
  const wrong: Record<string, string> = {}

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lianban-tls-files-'))
    ca = await makeCa(folder, 'ca')
    client = await ca.sign('client')
    const pem = await readFile(ca.file, 'utf8')
    for (const [name, content] of [
      ['text', 'no PEM at all\n'],
      ['empty', ''],
      ['half', pem.slice(0, 200)],
      ['indented', pem.replaceAll(/^/gm, '  ')],
      ['second-broken', `${pem}${pem.replace('MII', 'MIX')}`],
    ] as const) {
      wrong[name] = join(folder, name)
      await writeFile(join(folder, name), content)
    }
    wrong.nowhere = join(folder, 'nowhere')
    wrong.locked = join(folder, 'locked')
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', client.keyFile, '-passout', 'pass:x', '-out', wrong.locked])
    wrong.weak = join(folder, 'weak.pem')
    wrong.weakKey = join(folder, 'weak.key')
    const weak = ['-newkey', 'rsa:512', '-nodes', '-subj', '/CN=weak', '-keyout', wrong.weakKey, '-out', wrong.weak]
    execFileSync('openssl', ['req', '-x509', ...weak], { stdio: 'ignore' })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const faultsOfKafka = (env: Record<string, string>) => faultsOf({ KAFKA_BROKERS: 'localhost:9093', ...env }, tlsFileFaults)

  it('are taken where they are what they should be', async () => {
    const bundle = join(folder, 'bundle.pem')
    await writeFile(bundle, `# two CAs\n${await readFile(ca.file, 'utf8')}${await readFile(client.certFile, 'utf8')}`)
    const both = join(folder, 'both.pem')
    await writeFile(both, `${await readFile(client.certFile, 'utf8')}${await readFile(client.keyFile, 'utf8')}`)
    expect(faultsOfKafka({ KAFKA_SSL_CA: bundle, KAFKA_SSL_CERT: both, KAFKA_SSL_KEY: both })).toEqual([])
    const query = `sslmode=verify-full&sslrootcert=${ca.file}&sslcert=${client.certFile}&sslkey=${client.keyFile}`
    expect(faultsOf({ DATABASE_URL: `postgres://db.example/x?${query}` }, tlsFileFaults)).toEqual([])
    expect(faultsOf({ DATABASE_URL: 'postgres://db.example/x?sslmode=verify-full&sslrootcert=system' }, tlsFileFaults)).toEqual(
      [],
    )
  })

  it.each([
    ['nowhere', /^KAFKA_SSL_CA can’t be read: ENOENT \S+nowhere$/],
    ['text', /^KAFKA_SSL_CA must name a file with a certificate in PEM, and there is none in \S+text$/],
    ['empty', /^KAFKA_SSL_CA must name a file with a certificate in PEM, and there is none in \S+empty$/],
    ['indented', /^KAFKA_SSL_CA must .*there is none in \S+indented$/],
    ['half', /^KAFKA_SSL_CA must .*number 1 is broken in \S+half$/],
    ['second-broken', /^KAFKA_SSL_CA must .*number 2 is broken in \S+second-broken$/],
  ])('are refused in a sentence as a CA: %s', (name, sentence) => {
    expect(faultsOfKafka({ KAFKA_SSL_CA: wrong[name] ?? '' })).toEqual([expect.stringMatching(sentence)])
  })

  it('of Kafka are nothing to a command that has nothing to do with it', () => {
    const env = { KAFKA_BROKERS: 'localhost:9093', KAFKA_SSL_CA: wrong.text ?? '' }
    expect(readConfigWithoutKafka(env).kafka?.brokers).toEqual(['localhost:9093'])
    const DATABASE_URL = `postgres://db.example/x?sslmode=verify-full&sslrootcert=${wrong.text}`
    expect(() => readConfigWithoutKafka({ ...env, DATABASE_URL })).toThrow(/sslrootcert of DATABASE_URL must name a file/)
  })

  it('are refused in a sentence as our certificate and its key', async () => {
    const { certFile, keyFile } = client
    const other = await ca.sign('other')
    const faults = (cert = '', key = '') => faultsOfKafka({ KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key })
    expect(faults(wrong.text, keyFile)).toEqual([expect.stringMatching(/^KAFKA_SSL_CERT must .* a certificate in PEM/)])
    expect(faults(certFile, wrong.text)).toEqual([expect.stringMatching(/^KAFKA_SSL_KEY must .* a private key in PEM/)])
    expect(faults(certFile, certFile)).toEqual([expect.stringMatching(/^KAFKA_SSL_KEY must .* a private key in PEM/)])
    expect(faults(certFile, wrong.locked)).toEqual([expect.stringMatching(/^KAFKA_SSL_KEY must .* no passphrase/)])
    expect(faults(certFile, other.keyFile)).toEqual([
      expect.stringMatching(/^KAFKA_SSL_KEY must name the key of KAFKA_SSL_CERT, and \S+other\.key is not /),
    ])
    expect(faults(wrong.weak, wrong.weakKey)).toEqual([expect.stringMatching(/^KAFKA_SSL_CERT can’t be used: .*key too small/)])
  })

  it('are refused together, with whatever else is wrong', () => {
    const { text = '', nowhere = '' } = wrong
    const query = `sslmode=verify-full&sslrootcert=${text}&sslcert=${nowhere}&sslkey=${client.certFile}`
    const DATABASE_URL = `postgres://user:hunter2@db.example/x?${query}`
    const kafka = { KAFKA_BROKERS: 'localhost:9093', KAFKA_SSL_CA: text, KAFKA_SSL_CERT: nowhere }
    const faults = faultsOf({ PORT: 'eighty', DATABASE_URL, ...kafka }, tlsFileFaults)
    expect(faults.map((fault) => fault.slice(0, 27))).toEqual([
      'PORT must be a port from 0 ',
      'sslrootcert of DATABASE_URL',
      'sslcert of DATABASE_URL can',
      'sslkey of DATABASE_URL must',
      'KAFKA_SSL_CERT and KAFKA_SS',
      'KAFKA_SSL_CA must name a fi',
      'KAFKA_SSL_CERT can’t be rea',
    ])
    expect(faults.join()).not.toContain('hunter2')
  })
})
