// A deployment whose roles are processes of their own, on the embedded Postgres and, when asked for, a Kafka.
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../dist/database/connect.js'
import { viewSchema } from '../dist/view/view-schema.js'
import { load, startBare, startKafka, startPostgres, startRole, temporaryFolder } from './processes.mjs'

export const bureaus = ['commerce', 'state-tax', 'local-tax']
const partitions = 12
/** Company numbers have eight digits. */
const numbersOfATask = 2_000_000
/** A million entries are folded in minutes. */
const settleMs = 1_800_000

export async function openDeployment() {
  const { folder, remove } = temporaryFolder('deployment')
  const postgres = await startPostgres()
  const database = connect(postgres.url, { name: 'lianban bench', maxConnections: 2 })
  const env = { DATABASE_URL: postgres.url, LOG_KEY_FILE: join(folder, 'log.key') }
  const roles = new Map()
  let kafka
  let overKafka = false
  let from = 0
  const next = () => (from += numbersOfATask)
  const withBus = () => ({ ...env, ...(overKafka ? { KAFKA_BROKERS: kafka.brokers } : {}) })
  const start = async (name, args) => roles.set(name, await startRole(args, withBus(), folder))
  const stop = async (name) => {
    await roles.get(name)?.stop()
    roles.delete(name)
  }
  const ensureKafka = async () => {
    kafka ??= await startKafka()
    return kafka
  }
  const cpuOf = () => {
    const running = [...roles, ['postgres', postgres], ...(kafka === undefined ? [] : [['kafka', kafka]])]
    return Object.fromEntries(running.map(([name, process]) => [name, process.cpuSeconds()]))
  }
  const post = ({ watched = false, ...task }) => {
    const { url, keys } = roles.get('gateway')
    const watch = { databaseUrl: postgres.url, schemas: bureaus.map(viewSchema), partitions }
    return measured({ url, keys, from: next(), ...task, ...(watched ? { watch } : {}) })
  }
  /** @returns the load generator's figures, and by process the CPU that each accepted event took, in microseconds */
  const measured = async (task) => {
    const before = cpuOf()
    const figures = await load(task)
    const perEvent = (seconds) => Math.round((seconds * 1e6) / figures.accepted)
    const cpuMicros = Object.entries(cpuOf()).map(([name, seconds]) => [name, perEvent(seconds - (before[name] ?? 0))])
    return { ...figures, cpuMicros: { ...Object.fromEntries(cpuMicros), load: perEvent(figures.cpuSeconds) } }
  }
  const size = async () => {
    const [head] = await database.raw`select size from log.head`
    return head.size
  }
  return {
    sql: database.raw,
    url: postgres.url,
    next,
    post,
    size,
    /** The bare baseline: `post` of it takes what the load generator takes. */
    async startBare() {
      roles.set('bare', await startBare((await ensureKafka()).brokers))
      const { url } = roles.get('bare')
      return { post: (task) => measured({ url, bare: true, from: next(), ...task }), stop: () => stop('bare') }
    },
    startGateway: () => start('gateway', ['gateway']),
    /** What runs from now on goes over Kafka. */
    async startKafka() {
      await ensureKafka()
      overKafka = true
      await stop('gateway')
      await start('gateway', ['gateway'])
      await start('publisher', ['publish'])
    },
    start: (bureau) => start(bureau, ['consume', '--bureau', bureau]),
    stop,
    /** One process for all views: on two cores three of them would take turns. */
    startConsumers: () => start('consumers', ['consume']),
    stopConsumers: () => stop('consumers'),
    /** Posts until the log has so many entries. */
    async fill(entries) {
      for (let left = entries - (await size()); left > 0; left = entries - (await size()))
        await post({ connections: 64, count: Math.min(left, 200_000), seconds: 600 })
    },
    /** Vacuums what is stored, as autovacuum has long done where it has come over the years. */
    async vacuum() {
      const connection = await database.raw.reserve()
      await connection`set statement_timeout = 0`
      await connection`vacuum (analyze)`
      await connection`reset statement_timeout`
      connection.release()
    },
    /** Waits until a view has taken in everything, or all of them. */
    async settled(some = bureaus) {
      const [{ last }] = await database.raw`select coalesce(max(index), -1) as last from log.entries where kind = 'event'`
      const until = performance.now() + settleMs
      while (performance.now() < until) {
        const reached = await Promise.all(
          some.map((bureau) => database.raw`select max(index) as index from ${database.raw(viewSchema(bureau))}.positions`),
        )
        if (reached.every(([row]) => (row.index ?? -1) >= last)) return
        await pause(20)
      }
      throw new Error('the views did not catch up within half an hour')
    },
    /** Waits until somebody posts. */
    async busy() {
      const before = await size()
      while ((await size()) === before) await pause(50)
    },
    memory: () => Object.fromEntries([...roles].map(([name, role]) => [name, role.residentMiB()])),
    async close() {
      for (const name of [...roles.keys()].reverse()) await stop(name)
      await database.close()
      await kafka?.stop()
      await postgres.stop()
      remove()
    },
  }
}
