import type { Command } from 'commander'
import { wholeNumber } from './options.ts'
import type { ReconcileOptions } from './view-reconcile.ts'

/** `view reconcile` */
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
}
