import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { compose, type Roles } from '../compose.ts'
import { readConfig } from '../config.ts'
import { welcome } from './welcome.ts'

/** `serve`, `gateway`, `publish`, `consume`: the processes of the exchange. */
export function addServeCommands(program: Command): void {
  program
    .command('serve')
    .description('run the whole exchange in one process: gateway, publisher and the consumers of every bureau')
    .addHelpText('after', '\nExample:\n  PORT=8080 lianban serve')
    .action(() => run({ gateway: true, publish: true, consume: 'all' }))
  program
    .command('gateway')
    .description('take events over HTTP and append them to the log; any number of gateways may run on one database')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://… KAFKA_BROKERS=… lianban gateway')
    .action(() => run({ gateway: true, publish: false, consume: [] }))
  program
    .command('publish')
    .description('bring what the log holds to Kafka; one publisher works at a time, others stand by')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://… KAFKA_BROKERS=… lianban publish')
    .action(() => run({ gateway: false, publish: true, consume: [] }))
  program
    .command('consume')
    .description('keep the view of a bureau in sync')
    .requiredOption('--bureau <id...>', 'bureaus of the catalogue')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://… KAFKA_BROKERS=… lianban consume --bureau state-tax')
    .action(({ bureau }: { bureau: string[] }) => run({ gateway: false, publish: false, consume: bureau }))
}

async function run(roles: Roles): Promise<void> {
  const config = readConfig()
  const ending = ended()
  const exchange = await compose(config, roles)
  // public: whoever runs the exchange hands it to those who verify receipts
  await writeFile(join(config.dataDir, 'log.vkey'), `${exchange.vkey}\n`, { mode: 0o644 })
  const asked = ending.then((signal) => ({ reason: signal, exitCode: 0 }))
  const failed = exchange.failed.then((reason) => ({ reason, exitCode: 1 }))
  if (exchange.port !== undefined) {
    exchange.logger.info({ host: config.host, port: exchange.port }, 'the exchange is ready')
    if (!config.production) process.stdout.write(welcome(config, exchange.port))
  } else exchange.logger.info({}, 'running')
  const { reason, exitCode } = await Promise.race([asked, failed])
  exchange.logger.info({ reason }, 'stopping')
  await exchange.stop()
  exchange.logger.info({}, 'stopped')
  process.exit(exitCode)
}

/** The first SIGTERM or SIGINT. npm passes on a Ctrl-C that has arrived already, so what comes later is ignored. */
function ended(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}
