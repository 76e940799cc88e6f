import type { Command } from 'commander'
import type { Roles } from '../compose/compose.ts'

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
    .description('keep the views of bureaus in sync')
    .option('--bureau <id...>', 'bureaus of the catalogue; default all of them, also those that a later catalogue brings')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://… KAFKA_BROKERS=… lianban consume --bureau state-tax')
    .action(({ bureau = 'all' }: { bureau?: string[] | 'all' }) => run({ gateway: false, publish: false, consume: bureau }))
}

/** Loaded only here: other commands start faster without a whole exchange in memory. */
async function run(roles: Roles): Promise<void> {
  const { runExchange } = await import('./run-exchange.ts')
  await runExchange(roles)
}
