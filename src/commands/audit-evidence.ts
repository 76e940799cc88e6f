import type { Command } from 'commander'
import { expectWithinBounds } from '../audit/evidence/bounds.ts'
import { collectEvidence } from '../audit/evidence/collect.ts'
import { contentsOf } from '../audit/evidence/contents.ts'
import { type FoundBy, finderOf } from '../audit/evidence/entry-finder.ts'
import { EvidenceRefused } from '../audit/evidence/evidence.ts'
import type { History } from '../audit/evidence/history.ts'
import { writeZip } from '../audit/evidence/write-evidence.ts'
import { openSource } from '../audit/open-source.ts'
import { trustText } from '../audit/report/text-report.ts'
import { assertNever } from '../domain/text.ts'
import { sayAskedAgain } from './asked-again.ts'
import { type OperatorOptions, withOperator } from './audit-operator.ts'
import { outcomeOf } from './audit-outcome.ts'
import { readVkey, readWitnesses, type VkeyOptions, type WitnessOptions, withVkey, withWitnesses } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { readSigningKey } from './key-file.ts'
import { tableText } from './table.ts'
import { witnessRows } from './witness-rows.ts'

interface Options extends VkeyOptions, WitnessOptions, OperatorOptions {
  readonly subject?: string
  readonly out?: string
  readonly from?: string
  readonly key?: string
  readonly check?: string
  /** false with `--no-index` */
  readonly index: boolean
}

/** `audit evidence` */
export function addAuditEvidence(audit: Command): void {
  withWitnesses(
    withOperator(
      withVkey(
        audit
          .command('evidence')
          .description('one file for a court or a colleague: what was exchanged about a subject, each event proved')
          .option('--subject <code>', 'whom it is about; for registrations the USCC')
          .option('--from <source>', "the exchange's URL, or folder or zip of an export")
          .option('--out <file.zip>', 'the file to write')
          .option('--no-index', 'read every entry of an export instead of looking them up in its index')
          .option('--key <file>', "an auditor's private JWK, for an exchange")
          .option('--check <file.zip>', 'verify such a file instead'),
      ),
    ),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  lianban audit evidence --subject 91210203XTEXT0018E --from log --out evidence.zip --vkey log.vkey\n' +
        '  lianban audit evidence --check evidence.zip --vkey log.vkey\n\n' +
        'It proves that its events are in the log, not that there are no others; `audit verify` checks the whole log.',
    )
    .action(run)
}

async function run(options: Options): Promise<void> {
  try {
    if (options.check === undefined) await make(options)
    else await check(options.check, options)
  } catch (error) {
    if (error instanceof EvidenceRefused)
      throw new CommandFailed(`the evidence is not good:\n${error.faults.map((fault) => `  - ${fault}`).join('\n')}`, 1)
    throw outcomeOf(error)
  }
}

async function check(file: string, options: Options): Promise<void> {
  const { vkey, verifier } = await readVkey(options)
  const { operator } = options
  const rules = { log: verifier, operator, ...(await readWitnesses(options)) }
  // schemas and their compiler: other commands start faster without
  const { checkEvidence } = await import('../audit/evidence/check-evidence.ts')
  const { evidence, cosignatures, history } = await checkEvidence(file, rules, vkey)
  process.stdout.write(
    tableText([
      ['proved', `${evidence.events.length} events about ${evidence.subject}`],
      ['log', `${history.origin}, ${evidence.checkpoint.size} entries`],
      ...witnessRows(cosignatures),
      ['keys', trustText({ thumbprint: history.operator, pinned: operator !== undefined, given: operator })],
      ...eventRows(history),
    ]),
  )
}

async function make(options: Options): Promise<void> {
  const { subject, from, out, operator } = options
  const asked = Object.entries({ subject, from, out })
  const missing = asked.flatMap(([name, value]) => (value === undefined ? [`--${name}`] : []))
  if (subject === undefined || from === undefined || out === undefined)
    throw new CommandFailed(`${missing.join(' and ')} must be given; or --check to verify a file`)
  const [empty] = asked.flatMap(([name, value]) => (value?.trim() === '' ? [`--${name}`] : []))
  if (empty !== undefined) throw new CommandFailed(`${empty} is empty; a variable that is not set is empty`)
  const { vkey, verifier: log } = await readVkey(options)
  const witnesses = await readWitnesses(options)
  const key = options.key === undefined ? undefined : await readSigningKey(options.key)
  const source = await openSource(from, { key, origin: log.name, onAgain: sayAskedAgain() })
  const find = finderOf(source, !options.index)
  const { evidence, by } = await collectEvidence({ source, find, subject, log, ...witnesses, vkey, now: new Date() })
  await source.close()
  if (evidence.events.length === 0)
    throw new CommandFailed(`${source.name} has no event about ${subject}; ${completeness(by)}`, 1)
  const { readHistory } = await import('../audit/evidence/read-history.ts')
  const history = await readHistory(evidence, operator)
  if (history.faults.length > 0) throw new EvidenceRefused(history.faults)
  const contents = contentsOf(evidence, history)
  expectWithinBounds(contents)
  await writeZip(out, contents, evidence.made)
  process.stdout.write(
    `${out}: ${evidence.events.length} events about ${subject}, each proved to be in the log of ${evidence.checkpoint.size} entries\n` +
      `${completeness(by)}\n`,
  )
}

/** What it rests on that there are no more events. */
function completeness(by: FoundBy): string {
  switch (by) {
    case 'search':
      return "that there are no others is the exchange's word; to be sure, export the log, `audit verify` the export, and make it from that"
    case 'index':
      return 'that there are no others rests on the index of the export; `audit verify` says whether that is right'
    case 'reading':
      return 'every entry was read; `audit verify` says whether they are those of the log'
    default:
      return assertNever(by)
  }
}

function eventRows({ events }: History): string[][] {
  return events.map(({ index, received, payload, party }) => [`index ${index}`, `${received}  ${String(payload.type)}  ${party}`])
}
