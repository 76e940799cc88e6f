import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { kafkaRunner } from '../support/kafka-process.ts'
import { cleanEnv, mainFile } from '../support/lianban.ts'
import { launchNode } from './life.ts'
import { launchPostgres } from './postgres-life.ts'
import { type BrokerProxy, startProxy } from './proxy.ts'
import { roles, type Target } from './schedule.ts'
import { type Supervised, supervise } from './supervised.ts'

/** An exchange of real processes, each started again whenever it ends. */
export interface TorturedExchange {
  readonly processes: readonly Supervised[]
  of(target: Target): Supervised
  /** what every process but the broker itself takes for the broker */
  readonly brokerProxy: BrokerProxy
  /** of the gateways */
  readonly urls: readonly string[]
  readonly databaseUrl: string
  readonly keysFolder: string
  /** file with the log's public key */
  readonly vkeyFile: string
  /** Waits until every process says that it is ready. */
  allReady(deadlineMs: number): Promise<void>
  close(): Promise<void>
}

const startLimitMs = 120_000

/** @param folder for logs and data; user postgres must be able to enter it */
export async function startTorturedExchange(folder: string): Promise<TorturedExchange> {
  const processes = new Map<Target, Supervised>()
  const dataOf = (name: string) => join(folder, 'data', name)
  const logOf = (name: string) => join(folder, 'logs', `${name}.log`)
  for (const name of [...Object.values(roles).flat(), 'keys']) await mkdir(dataOf(name), { recursive: true })
  await mkdir(join(folder, 'logs'))

  let databaseUrl = ''
  const launchDatabase = () => launchPostgres(dataOf('postgres'), logOf('postgres'), (url) => (databaseUrl = url))
  processes.set('postgres', supervise('postgres', logOf('postgres'), launchDatabase))

  const ports = { broker: await freePort(), controller: await freePort(), proxy: await freePort() }
  const brokerProxy = await startProxy(ports.proxy, ports.broker)
  const kafkaPorts = [
    '--port',
    `${ports.broker}`,
    '--controller-port',
    `${ports.controller}`,
    '--advertised-port',
    `${ports.proxy}`,
  ]
  const broker = {
    args: [kafkaRunner, ...kafkaPorts, '--data', dataOf('broker'), '--stop-with-stdin'],
    env: { ...cleanEnv(), ...(process.env.JAVA_HOME === undefined ? {} : { JAVA_HOME: process.env.JAVA_HOME }) },
    logFile: logOf('broker'),
    ready: /kafka ready/,
  }
  processes.set(
    'broker',
    supervise('broker', broker.logFile, () => launchNode(broker)),
  )
  await allReady(startLimitMs)

  const start = (name: Target, args: readonly string[], ready: RegExp, own: Readonly<Record<string, string>> = {}) => {
    const env = cleanEnv({
      DATABASE_URL: databaseUrl,
      KAFKA_BROKERS: `127.0.0.1:${ports.proxy}`,
      LOG_KEY_FILE: join(dataOf('keys'), 'log.key'),
      DATA_DIR: dataOf(name),
      ...own,
    })
    const life = { args: [mainFile, ...args], env, logFile: logOf(name), ready }
    processes.set(
      name,
      supervise(name, life.logFile, () => launchNode(life)),
    )
  }
  const urls: string[] = []
  for (const name of roles.gateway) {
    const PORT = String(await freePort())
    urls.push(`http://127.0.0.1:${PORT}`)
    start(name, ['gateway'], /the exchange is ready/, { PORT })
    // the first one makes the tables and the keys
    await allReady(startLimitMs)
  }
  start('publisher', ['publish'], /"msg":"running"/)
  for (const name of roles.consumer) start(name, ['consume', '--bureau', name.replace('consumer-', '')], /"msg":"running"/)
  await allReady(startLimitMs)

  async function allReady(deadlineMs: number): Promise<void> {
    await eventually(async () => {
      const late = [...processes.values()].filter((one) => !one.isReady())
      if (late.length > 0) throw new Error(`not ready: ${late.map(({ name }) => name).join(', ')}`)
    }, deadlineMs)
  }
  return {
    processes: [...processes.values()],
    of(target) {
      const found = processes.get(target)
      if (found === undefined) throw new Error(`there is no ${target}`)
      return found
    },
    brokerProxy,
    urls,
    databaseUrl,
    keysFolder: join(dataOf('gateway-1'), 'keys'),
    vkeyFile: join(dataOf('gateway-1'), 'log.vkey'),
    allReady,
    async close() {
      const { broker: last, postgres, ...others } = Object.fromEntries(processes)
      await Promise.all(Object.values(others).map((one) => one.close()))
      await Promise.all([last?.close(), postgres?.close()])
      brokerProxy.close()
    },
  }
}
