import { type Command, Option } from 'commander'
import { parkedCauses } from '../domain/record.ts'
import { withAct, withOperatorKey } from './act.ts'
import { instant, wholeNumber, withConnection } from './options.ts'
import type { DismissOptions } from './parked-dismiss.ts'
import type { GroupsOptions, ListOptions, ShowOptions } from './parked-read.ts'

const read = () => import('./parked-read.ts')
/** Enough for whoever looks, and a bound for whoever exports. */
const maxListed = 100_000
const eventIndex = wholeNumber(0, 999_999_999_999_999)

/** `parked groups|list|show|dismiss` */
export function addParkedCommands(program: Command): void {
  const parked = program
    .command('parked')
    .description('events that could not be applied to a view: what, why, whose, and what cures it')
  filtered(parked.command('groups').description('by bureau, cause and type: how many, since when, what it means, what cures it'))
    .addHelpText('after', '\nExample:\n  lianban parked groups --key operator.jwk')
    .action(async (options: GroupsOptions) => (await read()).showGroups(options))
  filtered(parked.command('list').description('which events, in order of bureau and index'))
    .option('--limit <n>', 'events shown at most', wholeNumber(1, maxListed), 20)
    .addHelpText('after', '\nExample:\n  lianban parked list --bureau local-tax --cause no-office --key operator.jwk')
    .action(async (options: ListOptions) => (await read()).listParked(options))
  withConnection(
    withOperatorKey(
      parked
        .command('show')
        .description('every event about a subject as a view met it, and what each changes in its record; persons are masked')
        .argument('<subject>', 'its code; for registrations the USCC')
        .requiredOption('--bureau <bureau>', 'whose view')
        .option('--kind <kind>', 'what the subject is', 'registration')
        .option('--json', 'as JSON'),
    ),
  )
    .addHelpText('after', '\nExample:\n  lianban parked show 91210203XTEXT0018E --bureau local-tax --key operator.jwk')
    .action(async (subject: string, options: ShowOptions) => (await read()).showHistory(subject, options))
  addDismiss(parked)
}

function addDismiss(parked: Command): void {
  withAct(
    parked
      .command('dismiss')
      .description(
        'take events out of one view for good: single ones, or all of a cause; what waits behind them is tried at once',
      )
      .requiredOption('--bureau <bureau>', 'whose view')
      .addOption(new Option('--index <index...>', 'these events').argParser(indexes).conflicts(['cause', 'type']))
      .addOption(causeOption(parkedCauses.filter((cause) => cause !== 'behind')))
      .option('--type <type>', 'of the cause, only events of this type')
      .option('--json', 'as JSON, a line for each request'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban parked dismiss --bureau local-tax --index 4711 --key operator.jwk --reason "sent by mistake, corrected by 4790"',
    )
    .action(async (options: DismissOptions) => (await import('./parked-dismiss.ts')).dismissParked(options))
}

/** The filter that groups and list have in common. */
function filtered(command: Command): Command {
  return withConnection(
    withOperatorKey(
      command
        .option('--bureau <bureau>', 'only its view')
        .addOption(causeOption(parkedCauses))
        .option('--type <type>', 'only events of this type')
        .option('--subject <subject>', 'only of this subject, by its code; for registrations the USCC')
        .option('--name <part>', 'only of subjects whose name has this part')
        .option('--from <instant>', 'parked at or after it, such as 2026-11-24T21:00:00+08:00', instant)
        .option('--to <instant>', 'parked before it', instant)
        .option('--json', 'as JSON'),
    ),
  )
}

const causeOption = (causes: readonly string[]) => new Option('--cause <cause>', 'only these').choices(causes)
const indexes = (text: string, before: readonly number[] | undefined): readonly number[] => [...(before ?? []), eventIndex(text)]
