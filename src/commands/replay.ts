import { type Command, Option } from 'commander'
import { parkedCauses } from '../domain/record.ts'
import { withAct, withOperatorKey } from './act.ts'
import { instant, wholeNumber, withConnection } from './options.ts'
import type { ChangeOptions, PlanOptions, StatusOptions } from './replay-run.ts'

const replayId = wholeNumber(0, 999_999_999_999_999)
const run = () => import('./replay-run.ts')

/** `replay plan|canary|start|status|pause|resume|cancel` */
export function addReplayCommands(program: Command): void {
  const replay = program.command('replay').description('try parked events again: plan it, try it on a few, run it, watch it')
  withAct(
    replay
      .command('plan')
      .description('what a replay would do, from a dry run that changes nothing; prints its number for the other commands')
      .requiredOption('--bureau <bureau>', 'whose view')
      .addOption(new Option('--cause <cause>', 'parked for this').choices(parkedCauses.filter((cause) => cause !== 'behind')))
      .option('--type <type>', 'events of this type')
      .option('--kind <kind>', 'subjects of this kind')
      .option('--subject <subject...>', 'only these subjects')
      .option('--from <instant>', 'parked at or after it, such as 2026-11-24T21:00:00+08:00', instant)
      .option('--to <instant>', 'parked before it', instant)
      .option('--min-index <index>', 'first parked event at or after it', replayId)
      .option('--max-index <index>', 'first parked event at or before it', replayId)
      .option('--json', 'as JSON'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban replay plan --bureau local-tax --cause no-office --key operator.jwk --reason "the table of offices is mended"',
    )
    .action(async (options: PlanOptions) => (await run()).planReplay(options))

  changing(replay, 'canary', 'try a few subjects, then pause')
    .option('--subjects <n>', 'how many', wholeNumber(1, 10_000), 5)
    .action(async (id: number, options: ChangeOptions) => (await run()).changeReplay('canary-replay', id, options))
  changing(replay, 'start', 'run it; order holds for each subject, and nobody else waits')
    .option('--rate <n>', 'events a second', wholeNumber(1, 1_000_000))
    .option('--unthrottled', 'as fast as it goes')
    .option(
      '--pause-after <n>',
      'pause by itself after the batch (a tenth of a second: 50 subjects at 500 events a second) in which so many subjects had failed again',
      wholeNumber(1, 1_000_000_000),
    )
    .option('--wait', 'until it is through, or pauses')
    .action(async (id: number, options: ChangeOptions) => (await run()).changeReplay('start-replay', id, options))
  changing(replay, 'pause', 'hold it after the batch under way').action(async (id: number, options: ChangeOptions) =>
    (await run()).changeReplay('pause-replay', id, options),
  )
  changing(replay, 'resume', 'let it go on where it was')
    .option('--wait', 'until it is through, or pauses')
    .action(async (id: number, options: ChangeOptions) => (await run()).changeReplay('resume-replay', id, options))
  changing(replay, 'cancel', 'end it; what it has applied stays applied').action(async (id: number, options: ChangeOptions) =>
    (await run()).changeReplay('cancel-replay', id, options),
  )

  withConnection(
    withOperatorKey(
      replay
        .command('status')
        .description('how far it is, at which rate, how long it takes, what failed; on a terminal it follows')
        .argument('[replay]', 'its number; without it the newest ones', replayId)
        .option('--bureau <bureau>', 'without a number: only of its view')
        .option('--json', 'as JSON, once'),
    ),
  ).action(async (id: number | undefined, options: StatusOptions) => (await run()).showReplay(id, options))
}

function changing(replay: Command, name: string, description: string): Command {
  return withAct(
    replay
      .command(name)
      .description(description)
      .argument('<replay>', 'its number, as plan printed it', replayId)
      .option('--json', 'as JSON'),
  )
}
