import type { Command } from 'commander'
import { withAct, withOperatorKey } from './act.ts'
import type { CheckOptions, RepublishOptions, StatusOptions } from './bus-run.ts'
import { wholeNumber, withConnection } from './options.ts'

const index = wholeNumber(0, 999_999_999_999_999)
const run = () => import('./bus-run.ts')

/** `bus status|republish|check` */
export function addBusCommands(program: Command): void {
  const bus = program.command('bus').description('what brings the log to the views: how far it is, and its repair')
  withConnection(
    withOperatorKey(
      bus
        .command('status')
        .description('how far each topic is published, and each bureau’s consumer has come; its lag, and what it lacked')
        .option('--json', 'as JSON'),
    ),
  ).action(async (options: StatusOptions) => (await run()).showBus(options))

  withAct(
    bus
      .command('republish')
      .description('send a stretch of the log to the topics again; consumers of the exchange ignore what they have')
      .requiredOption('--from <index>', 'its first entry; 0 after the whole Kafka was lost', index)
      .option('--to <index>', 'its last entry; without it the end of the log', index)
      .option('--no-wait', 'end at once, not when it is through')
      .option('--json', 'as JSON'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban bus republish --from 0 --key operator.jwk --reason "the brokers were set up anew"',
    )
    .action(async (options: RepublishOptions) => (await run()).republish(options))

  withAct(
    bus
      .command('check')
      .description('look through a whole view for events that it lacks in its past, and heal them; exit code 1 if there were any')
      .requiredOption('--bureau <bureau>', 'whose view')
      .option('--json', 'as JSON'),
  ).action(async (options: CheckOptions) => (await run()).checkView(options))
}
