import { type Command, Option } from 'commander'
import { parkedCauses } from '../domain/record.ts'
import { wholeNumber } from './options.ts'
import type { ParkedOptions } from './parked-list.ts'

/** As many as a view gives in one page. */
const maxLimit = 100

/** `parked list` */
export function addParkedCommands(program: Command): void {
  program
    .command('parked')
    .description('events that could not be applied to a view')
    .command('list')
    .description("how many there are by cause, and which; reads this machine's database (DATABASE_URL, or DATA_DIR's own)")
    .option('--bureau <bureau>', 'only its view')
    .addOption(new Option('--cause <cause>', 'only these').choices(parkedCauses))
    .option('--subject <subject>', 'only of this subject')
    .option('--limit <n>', 'events shown of each view', wholeNumber(1, maxLimit), 20)
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  lianban parked list --bureau local-tax --cause no-office')
    .action(async (options: ParkedOptions) => {
      const { listParked } = await import('./parked-list.ts')
      await listParked(options)
    })
}
