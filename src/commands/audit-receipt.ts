import type { Command } from 'commander'
import { openSource } from '../audit/open-source.ts'
import { type ProvedReceipt, proveReceipt, standingOf } from '../audit/receipt.ts'
import type { CheckpointRules } from '../audit/trusted-checkpoint.ts'
import { sayAskedAgain } from './asked-again.ts'
import { outcomeOf } from './audit-outcome.ts'
import { readVkey, readWitnesses, type VkeyOptions, type WitnessOptions, withVkey, withWitnesses } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { attempt, contentRows, readReceipt } from './receipt-content.ts'
import { tableText } from './table.ts'
import { witnessRows } from './witness-rows.ts'

interface Options extends VkeyOptions, WitnessOptions {
  readonly entry?: string
  readonly log?: string
}

/** `audit receipt` */
export function addAuditReceipt(audit: Command): void {
  withWitnesses(
    withVkey(
      audit
        .command('receipt')
        .description('whether a receipt is genuine, and whether the log of today still stands by it')
        .argument('<receipt.tlog-proof>', "the receipt, or the exchange's JSON answer with it")
        .option('--entry <file>', 'the entry; default: the .entry file beside the receipt, or what the receipt carries')
        .option('--log <source>', 'the log as it is today: URL of the exchange, or folder or zip of an export'),
    ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban audit receipt 01.tlog-proof --vkey log.vkey --log https://exchange.example\n\n' +
        'Exit code 0: genuine; 1: it proves nothing, or the log has gone another way; 2: it could not be found out.',
    )
    .action(run)
}

async function run(file: string, options: Options): Promise<void> {
  const { verifier: log } = await readVkey(options)
  const rules: CheckpointRules = { log, ...(await readWitnesses(options)) }
  const { text, entry } = await readReceipt(file, options.entry)
  const proved = attempt(() => proveReceipt(text, entry, rules), 1, `${file} proves nothing: `)
  const { index, checkpoint, cosignatures } = proved
  const today = options.log === undefined ? [] : [await standingRow(proved, options.log, rules)]
  process.stdout.write(
    tableText([
      ['proved', 'this entry is in the log'],
      ['log', checkpoint.origin],
      ['index', String(index)],
      ['log size', `${checkpoint.size} entries when the receipt was made`],
      ...witnessRows(cosignatures),
      ...today,
      ...contentRows(entry),
    ]),
  )
}

async function standingRow(proved: ProvedReceipt, target: string, rules: CheckpointRules): Promise<string[]> {
  try {
    const source = await openSource(target, { onAgain: sayAskedAgain() })
    const { state, size } = await standingOf(proved, source, rules)
    await source.close()
    if (state === 'belongs') return ['log today', `${size} entries; it begins with the log of the receipt`]
    throw new CommandFailed(
      `the receipt is genuine, but ${target} has only ${size} entries and the receipt's log had ${proved.checkpoint.size}: it is an older copy, or the log was put back`,
    )
  } catch (error) {
    throw outcomeOf(
      error,
      `; the receipt (${proved.checkpoint.size} entries) and the checkpoint of ${target} prove it together, keep both`,
    )
  }
}
