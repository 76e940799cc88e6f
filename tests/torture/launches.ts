import { freePort } from '../support/free-port.ts'
import { kafkaRunner } from '../support/kafka-process.ts'
import { cleanEnv, mainFile } from '../support/lianban.ts'
import { type Life, launchNode } from './life.ts'
import type { Places } from './places.ts'
import { launchPostgres } from './postgres-life.ts'
import type { Target } from './schedule.ts'

export type Launch = () => Promise<Life>

/** How each process is started, always on the same ports and data. */
export interface Launches {
  readonly postgres: Launch
  readonly broker: Launch
  /** @param urlOfDatabase known once Postgres runs */
  exchange(name: Target, urlOfDatabase: string): Launch
  /** where a gateway listens, or the proxy of the broker */
  readonly ports: Readonly<Record<'broker' | 'brokerProxy' | 'gateway-1' | 'gateway-2', number>>
}

const jumpingClock = `${import.meta.dirname}/jumping-clock.mjs`

/** @param onDatabaseUrl told where Postgres is when it runs */
export async function makeLaunches(places: Places, onDatabaseUrl: (url: string) => void): Promise<Launches> {
  const ports = {
    broker: await freePort(),
    brokerProxy: await freePort(),
    'gateway-1': await freePort(),
    'gateway-2': await freePort(),
  }
  const [postgresPort, controllerPort] = [await freePort(), await freePort()]
  const { JAVA_HOME } = process.env
  const postgres = { dataDir: places.dataDir('postgres'), logFile: places.logFile('postgres'), port: postgresPort }
  const broker = {
    args: [
      kafkaRunner,
      ...['--data', places.dataDir('broker'), '--port', `${ports.broker}`, '--controller-port', `${controllerPort}`],
      ...['--advertised-port', `${ports.brokerProxy}`, '--stop-with-stdin'],
    ],
    env: { ...cleanEnv(), ...(JAVA_HOME === undefined ? {} : { JAVA_HOME }) },
    logFile: places.logFile('broker'),
    ready: /kafka ready/,
  }
  return {
    postgres: () => launchPostgres(postgres, onDatabaseUrl),
    broker: () => launchNode(broker),
    exchange(name, urlOfDatabase) {
      const port = name === 'gateway-1' || name === 'gateway-2' ? ports[name] : undefined
      const env = cleanEnv({
        DATABASE_URL: urlOfDatabase,
        KAFKA_BROKERS: `127.0.0.1:${ports.brokerProxy}`,
        LOG_KEY_FILE: places.keyFile,
        DATA_DIR: places.dataDir(name),
        CLOCK_AHEAD_FILE: places.clockFile(name),
        ...(port === undefined ? {} : { PORT: String(port) }),
      })
      const args = ['--import', jumpingClock, mainFile, ...commandOf(name)]
      return () => launchNode({ args, env, logFile: places.logFile(name), ready: /the exchange is ready|"msg":"running"/ })
    },
    ports,
  }
}

function commandOf(name: Target): readonly string[] {
  if (name.startsWith('gateway')) return ['gateway']
  if (name === 'publisher') return ['publish']
  return ['consume', '--bureau', name.replace('consumer-', '')]
}
