import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { type Launch, makeLaunches } from './launches.ts'
import { makePlaces, type Places } from './places.ts'
import { type BrokerProxy, startProxy } from './proxy.ts'
import { roles, type Target } from './schedule.ts'
import { type Supervised, supervise } from './supervised.ts'

/** An exchange of real processes, each started again whenever it ends. */
export interface TorturedExchange {
  readonly processes: ReadonlyMap<Target, Supervised>
  readonly places: Places
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
  /** Ends every process; the data stay until `places.close()`. */
  close(): Promise<void>
}

const startLimitMs = 120_000

/** @param folder for logs and data; user postgres must be able to enter it */
export async function startTorturedExchange(folder: string, tmpfs: boolean): Promise<TorturedExchange> {
  const processes = new Map<Target, Supervised>()
  const places = await makePlaces(folder, { tmpfs, pidsOf: (name) => processes.get(name)?.pids() ?? [] })
  let databaseUrl = ''
  const launches = await makeLaunches(places, (url) => (databaseUrl = url))
  const brokerProxy = await startProxy(launches.ports.brokerProxy, launches.ports.broker)
  const start = (name: Target, launch: Launch) => processes.set(name, supervise(name, places.logFile(name), launch))
  const allReady = (deadlineMs: number) =>
    eventually(async () => {
      const late = [...processes.values()].filter((one) => !one.isReady())
      if (late.length > 0) throw new Error(`not ready: ${late.map(({ name }) => name).join(', ')}`)
    }, deadlineMs)

  start('postgres', launches.postgres)
  start('broker', launches.broker)
  await allReady(startLimitMs)
  const [first, ...others] = [...roles.gateway, ...roles.publisher, ...roles.consumer] as const
  // it makes the tables and the keys
  start(first, launches.exchange(first, databaseUrl))
  await allReady(startLimitMs)
  for (const name of others) start(name, launches.exchange(name, databaseUrl))
  await allReady(startLimitMs)

  return {
    processes,
    places,
    brokerProxy,
    urls: roles.gateway.map((name) => `http://127.0.0.1:${launches.ports[name]}`),
    databaseUrl,
    keysFolder: join(places.dataDir(first), 'keys'),
    vkeyFile: join(places.dataDir(first), 'log.vkey'),
    allReady,
    async close() {
      const [last, sooner] = [
        ['broker', 'postgres'],
        [first, ...others],
      ]
      for (const names of [sooner, last])
        await Promise.all([...processes].filter(([name]) => names.includes(name)).map(([, one]) => one.close()))
      brokerProxy.close()
    },
  }
}
