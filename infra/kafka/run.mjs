#!/usr/bin/env node
// A real Apache Kafka (KRaft, one node) on this machine: `npm run kafka`. Needs Java 17 or newer, and Maven the first time.
//
//   --port N | KAFKA_PORT                        9092
//   --controller-port N | KAFKA_CONTROLLER_PORT  the port after it; must stay the same for one data dir
//   --data DIR | KAFKA_DATA_DIR                  infra/kafka/data; what it holds survives a restart
//   --tls FILE                                   PEM with a certificate, its chain and a PKCS #8 key: the clients' port is SASL over TLS
//   --client-ca FILE                             PEM: clients must have a certificate that it signed
//   --user NAME:PASSWORD                         who may log in, by PLAIN or SCRAM; needed with --tls, when the data dir is made
//   --advertised-port N                          where clients find it, when something stands between; the port itself
//   --stop-with-stdin                            stops when stdin ends, so that a starter that dies takes it along
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.KAFKA_PORT ?? '9092' },
    'controller-port': {
      type: 'string',
      ...(process.env.KAFKA_CONTROLLER_PORT && { default: process.env.KAFKA_CONTROLLER_PORT }),
    },
    'advertised-port': { type: 'string' },
    data: { type: 'string', default: process.env.KAFKA_DATA_DIR ?? join(here, 'data') },
    tls: { type: 'string' },
    'client-ca': { type: 'string' },
    user: { type: 'string' },
    'stop-with-stdin': { type: 'boolean', default: false },
  },
})
const port = portNumber(flags.port)
const controllerPort = portNumber(flags['controller-port'] ?? String(port + 1))
const advertisedPort = portNumber(flags['advertised-port'] ?? String(port))
const data = resolve(flags.data)
const [user, password] = flags.user?.split(/:(.*)/s) ?? []
if (flags.tls && !(user && password)) fail('--tls needs --user NAME:PASSWORD')
const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'

const jars = collectJars()
const properties = writeProperties()
if (!existsSync(join(data, 'log', 'meta.properties'))) format()
serve()

/** Maven copies into a folder of its own, which then gets its final name at once: two that start together do no harm. */
function collectJars() {
  const pom = join(here, 'pom.xml')
  const target = join(here, 'target')
  const complete = join(target, `jars-${createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)}`)
  if (existsSync(complete)) return complete

  console.error('collecting the jars of Apache Kafka with Maven, once …')
  mkdirSync(target, { recursive: true })
  const collecting = mkdtempSync(join(target, 'collecting-'))
  try {
    execFileSync(
      'mvn',
      ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${collecting}`],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    renameSync(collecting, complete)
  } catch (cause) {
    rmSync(collecting, { recursive: true, force: true })
    if (!existsSync(complete)) fail(`the jars could not be collected: ${cause.message}`)
  }
  return complete
}

function writeProperties() {
  mkdirSync(data, { recursive: true })
  const file = join(data, 'server.properties')
  const protocol = flags.tls ? 'SASL_SSL' : 'PLAINTEXT'
  const listenersWith = (clientPort) => `${protocol}://127.0.0.1:${clientPort},CONTROLLER://127.0.0.1:${controllerPort}`
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: listenersWith(port),
    'advertised.listeners': listenersWith(advertisedPort),
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(data, 'log'),
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 3,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // a broker that was killed may register again only when its old session has run out
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    ...(flags.tls ? secureSettings() : {}),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
  writeFileSync(file, lines.join(''))
  return file
}

/** TLS by files of PEM, and logins; the controller's port stays plain, for this machine alone. */
function secureSettings() {
  const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${user}" password="${password}" user_${user}="${password}";`
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return {
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'SASL_SSL',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': jaas,
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': scram,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': resolve(flags.tls),
    ...(flags['client-ca']
      ? {
          // Kafka ignores it for logins unless the listener is named: KIP-684
          'listener.name.sasl_ssl.ssl.client.auth': 'required',
          'ssl.truststore.type': 'PEM',
          'ssl.truststore.location': resolve(flags['client-ca']),
        }
      : {}),
  }
}

function javaArguments(main, ...rest) {
  const logging = `-Dlog4j2.configurationFile=${join(here, 'log4j2.properties')}`
  // one small node: a bounded heap, the plain collector and the quick compiler start in half the time
  const machine = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true']
  return [...machine, logging, '-cp', [join(jars, '*')].join(delimiter), main, ...rest]
}

function format() {
  const clusterId = execJava('kafka.tools.StorageTool', 'random-uuid').trim()
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((one) => ['--add-scram', `${one}=[name=${user},password=${password}]`])
  const scram = flags.tls ? users : []
  execJava('kafka.tools.StorageTool', 'format', '--standalone', '--cluster-id', clusterId, '--config', properties, ...scram)
}

function execJava(main, ...rest) {
  try {
    return execFileSync(java, javaArguments(main, ...rest), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  } catch (cause) {
    fail(`${main} failed: ${cause.message}`)
  }
}

function serve() {
  const broker = spawn(java, javaArguments('kafka.Kafka', properties), { stdio: ['ignore', 'pipe', 'inherit'] })
  let stopping = false
  const stop = (signal) => {
    if (stopping) return
    stopping = true
    broker.kill(signal)
  }
  process.on('SIGINT', () => stop('SIGTERM'))
  process.on('SIGTERM', () => stop('SIGTERM'))
  if (flags['stop-with-stdin']) process.stdin.on('end', () => stop('SIGTERM')).resume()

  createInterface({ input: broker.stdout }).on('line', (line) => {
    if (!line.includes('KafkaRaftServer')) console.error(line)
    else if (line.endsWith('Kafka Server started')) console.log(`kafka ready on 127.0.0.1:${port}`)
  })
  broker.on('error', (cause) => fail(`Java could not be started: ${cause.message}`))
  broker.on('exit', (code) => process.exit(stopping ? 0 : (code ?? 1)))
}

function portNumber(text) {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) fail(`${text} is no port`)
  return number
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
