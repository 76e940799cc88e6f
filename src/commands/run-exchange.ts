import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compose, type Exchange, type Roles } from '../compose/compose.ts'
import { type Config, readConfig } from '../config.ts'
import { outliveLostArrayTypes } from '../database/lost-array-types.ts'
import { welcome } from './welcome.ts'

/** Runs until a signal asks it to end, or a part fails that it can't do without; then ends the process. */
export async function runExchange(roles: Roles): Promise<void> {
  outliveLostArrayTypes()
  const config = readConfig()
  const ending = ended()
  const exchange = await started(config, roles, ending)
  // public: whoever runs the exchange hands it to those who verify receipts
  if (exchange.vkey !== undefined) await writeFile(join(config.dataDir, 'log.vkey'), `${exchange.vkey}\n`, { mode: 0o644 })
  const asked = ending.then((signal) => ({ reason: signal, exitCode: 0 }))
  const failed = exchange.failed.then((reason) => ({ reason, exitCode: 1 }))
  if (exchange.port !== undefined) {
    exchange.logger.info({ host: config.host, port: exchange.port }, 'the exchange is ready')
    if (!config.production) process.stdout.write(welcome(config, exchange.port))
  } else exchange.logger.info({}, 'running')
  const { reason, exitCode } = await Promise.race([asked, failed])
  exchange.logger.info({ reason }, 'stopping')
  // the embedded database has to be stopped, however long that takes: it must not be left behind
  if (config.databaseUrl !== undefined) setTimeout(() => cutOff(exchange, exitCode), longestOrderlyStopMs).unref()
  await exchange.stop()
  exchange.logger.info({}, 'stopped')
  process.exit(exitCode)
}

/** Ends the process when it is asked to before the start is over. */
async function started(config: Config, roles: Roles, ending: Promise<string>): Promise<Exchange> {
  const asked = new AbortController()
  let isStarting = true
  let cutOff: NodeJS.Timeout | undefined
  ending.then((signal) => {
    asked.abort(signal)
    // whoever waits for a migration of another process would have to wait for its end
    if (isStarting) cutOff = setTimeout(() => process.exit(0), longestStopMs)
  })
  return compose(config, roles, asked.signal)
    .catch((error) => {
      if (!asked.signal.aborted || error !== asked.signal.reason) throw error
      process.exit(0)
    })
    .finally(() => {
      isStarting = false
      clearTimeout(cutOff)
    })
}

/** Answers under way get ten seconds. An init system waits twenty, as those of infra/ do, and parts that wait for a database add up. */
export const longestOrderlyStopMs = 18_000

function cutOff({ logger }: Exchange, exitCode: number): void {
  logger.warn(
    {},
    'stopped before all was closed: the database or the broker did not answer; what was answered is not lost by that',
  )
  process.exit(exitCode)
}

/** A part of a start may take this long to close when it is asked to end. */
const longestStopMs = 10_000

/** The first SIGTERM or SIGINT. npm passes on a Ctrl-C that has arrived already, so what comes later is ignored. */
function ended(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}
