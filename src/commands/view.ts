import type { Command } from 'commander'
import { withAct, withOperatorKey } from './act.ts'
import { wholeNumber, withConnection } from './options.ts'
import type { RebuildChangeOptions, RebuildOptions, RebuildStatusOptions } from './view-rebuild.ts'
import type { ReconcileOptions } from './view-reconcile.ts'

const rebuildId = wholeNumber(0, 999_999_999_999_999)
const run = () => import('./view-rebuild.ts')

/** `view reconcile|rebuild|status|swap|cancel` */
export function addViewCommands(program: Command): void {
  const view = program.command('view').description("hold a bureau's view against the log, or against the bureau's own list")
  view
    .command('reconcile')
    .description(
      "what the view says differently than the fold of the log, or than the bureau's own list; reads this machine's database (DATABASE_URL, or DATA_DIR's own)",
    )
    .requiredOption('--bureau <bureau>', 'whose view')
    .option(
      '--against <file>',
      "the bureau's own list, .csv with a header or .ndjson: one column has the code, the others are fields",
    )
    .option('--kind <kind>', 'of the subjects in a list that names none')
    .option('--limit <n>', 'differences shown', wholeNumber(0, 1_000), 20)
    .option('--out <file>', 'writes every difference to a file, as NDJSON')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all agree; 1 something differs; 2 it could not be compared.' +
        '\n\nExample:\n  lianban view reconcile --bureau local-tax --against own-list.csv --out differences.ndjson',
    )
    .action(async (options: ReconcileOptions) => (await import('./view-reconcile.ts')).reconcileView(options))

  withAct(
    view
      .command('rebuild')
      .description('fold the whole log into a second view while the live one serves, compare the two, and swap them')
      .requiredOption('--bureau <bureau>', 'whose view')
      .option('--dry-run', 'only compare')
      .option('--no-swap', 'wait for `view swap`; the rebuilt view keeps up with the log')
      .option('--json', 'as JSON'),
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 a dry run found differences, or it was cancelled; 2 it could not be found out.' +
        '\n\nExample:\n  lianban view rebuild --bureau local-tax --key operator.jwk --reason "the table of offices has changed"',
    )
    .action(async (options: RebuildOptions) => (await run()).rebuildView(options))

  changing(view, 'swap', 'put a rebuilt view in the place of the live one').action(
    async (id: number, options: RebuildChangeOptions) => (await run()).swapView(id, options),
  )
  changing(view, 'cancel', 'end a rebuild and drop what it has built').action(async (id: number, options: RebuildChangeOptions) =>
    (await run()).cancelRebuild(id, options),
  )
  withConnection(
    withOperatorKey(
      view
        .command('status')
        .description('how far a rebuild is, and in what the two views differ; on a terminal it follows')
        .argument('[rebuild]', 'its number; without it the newest ones', rebuildId)
        .option('--bureau <bureau>', 'without a number: only of its view')
        .option('--json', 'as JSON, once'),
    ),
  ).action(async (id: number | undefined, options: RebuildStatusOptions) => (await run()).showRebuild(id, options))
}

function changing(view: Command, name: string, description: string): Command {
  return withAct(
    view
      .command(name)
      .description(description)
      .argument('<rebuild>', 'its number, as rebuild printed it', rebuildId)
      .option('--json', 'as JSON'),
  )
}
