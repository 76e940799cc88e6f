import { open, rm, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { SourceFailed } from '../audit/log-source.ts'
import { openSource } from '../audit/open-source.ts'
import { htmlReport } from '../audit/report/html-report.ts'
import { jsonReport } from '../audit/report/json-report.ts'
import { textReport } from '../audit/report/text-report.ts'
import type { VerifyOptions } from '../audit/verify/options.ts'
import { PartInvalid } from '../audit/verify/part.ts'
import type { AuditReport } from '../audit/verify/report.ts'
import { StateInvalid, StateUnkept } from '../audit/verify/state-file.ts'
import { VerifyStopped } from '../audit/verify/walk.ts'
import { sayAskedAgain } from './asked-again.ts'
import { type OperatorOptions, withOperator } from './audit-operator.ts'
import { readVkey, readWitnesses, type VkeyOptions, type WitnessOptions, withVkey, withWitnesses } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { faultOf, readSigningKey } from './key-file.ts'
import { wholeNumber } from './options.ts'
import { rateBar } from './rate-bar.ts'

interface Options extends VkeyOptions, WitnessOptions, OperatorOptions {
  readonly state?: string
  readonly key?: string
  readonly json?: true
  readonly html?: string
  readonly workers?: number
  readonly from?: number
  readonly to?: number
}

/** `audit verify` */
export function addAuditVerify(audit: Command): void {
  withWitnesses(
    withOperator(
      withVkey(
        audit
          .command('verify')
          .description(
            'check everything a log says: that nothing was lost, altered, slipped in, or against the rules of its time',
          )
          .argument('<url|folder|file>', "the exchange's URL, or folder or zip of an export")
          .option('--state <file>', 'keeps the checkpoint of this visit for the next one, and the work when it is stopped')
          .option('--key <file>', "an auditor's private JWK, for a running exchange: entries hold personal data")
          .option('--json', 'the report as JSON')
          .option('--html <file>', 'also the report as a page to print')
          .option('--from <index>', 'first entry, for a copy that holds no earlier ones', wholeNumber(0, 999_999_999_999_999))
          .option(
            '--to <index>',
            'entries below this, for a copy that holds no later ones; default with --from: where the copy ends',
            wholeNumber(1, 999_999_999_999_999),
          )
          .option('--workers <n>', 'threads; default: one per core', wholeNumber(1, 256)),
      ),
    ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban audit verify export --vkey log.vkey --operator 3q2-7w… --state visit.json --html report.html\n\n' +
        'Exit code 0: nothing was found; 1: findings; 2: it could not be checked. Stopped (Ctrl-C) or killed, it goes on where it was\n' +
        'when it is called again with the same --state.',
    )
    .action(run)
}

async function run(target: string, options: Options): Promise<void> {
  // schemas and their compiler: other commands start faster without
  const { verifyLog } = await import('../audit/verify/verify.ts')
  const { vkey, verifier } = await readVkey(options)
  const witnesses = await readWitnesses(options)
  const key = options.key === undefined ? undefined : await readSigningKey(options.key)
  if (options.html !== undefined) await expectWritable(options.html)
  const stop = new AbortController()
  const listening = onInterrupt(() => stop.abort())
  const bar = rateBar()
  let report: AuditReport
  let unkept: StateUnkept | undefined
  try {
    const source = await openSource(target, {
      key,
      origin: verifier.name,
      signal: stop.signal,
      onAgain: sayAskedAgain(),
    })
    try {
      report = await verifyLog(source, {
        log: verifier,
        ...witnesses,
        vkey,
        onProgress: bar.update,
        signal: stop.signal,
        ...(options.operator === undefined ? {} : { operator: options.operator }),
        ...(options.state === undefined ? {} : { stateFile: options.state }),
        ...entriesOf(options),
        ...(options.workers === undefined ? {} : { workers: options.workers }),
      })
    } finally {
      await source.close()
    }
  } catch (error) {
    if (!(error instanceof StateUnkept)) throw failureOf(error, options, stop.signal.aborted)
    unkept = error
    report = error.report
  } finally {
    bar.stop()
    listening()
  }
  await tell(report, options)
  if (unkept !== undefined) throw new CommandFailed(unkept.message, isFound(report) ? 1 : 2)
}

/** From the beginning without an end is everything, whatever a copy says to hold. */
function entriesOf({ from = 0, to }: Options): Pick<VerifyOptions, 'entries'> {
  if (to !== undefined) return { entries: { from, to } }
  return from === 0 ? {} : { entries: { from } }
}

/** Said before hours of work. What is there stays as it is, and nothing is left behind. */
async function expectWritable(html: string): Promise<void> {
  try {
    const existing = await open(html, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (existing !== undefined) return await existing.close()
    await writeFile(html, '', { flag: 'wx' })
    await rm(html)
  } catch (error) {
    throw pageFailed(html, error)
  }
}

function pageFailed(html: string, error: unknown, exitCode = 2): CommandFailed {
  return new CommandFailed(`the page can't be written to ${html}: ${faultOf(error)}`, exitCode)
}

function failureToWrite(html: string, report: AuditReport, exitCode: number): Promise<CommandFailed | undefined> {
  return writeFile(html, htmlReport(report)).then(
    () => undefined,
    (error) => pageFailed(html, error, exitCode),
  )
}

async function tell(report: AuditReport, { json, html }: Options): Promise<void> {
  const found = isFound(report)
  // the page first: the program ends where the report can't be written
  const unwritten = html === undefined ? undefined : await failureToWrite(html, report, found ? 1 : 2)
  process.stdout.write(json ? jsonReport(report) : textReport(report))
  if (unwritten !== undefined) throw unwritten
  if (found) process.exitCode = 1
}

const isFound = ({ findings }: AuditReport) => Object.keys(findings.counts).length > 0

function failureOf(error: unknown, { state }: Options, isStopped: boolean): unknown {
  const goesOn = state === undefined ? '' : '; call it again with the same --state to go on'
  // a request that was cut off fails as its source
  if (error instanceof VerifyStopped || (isStopped && error instanceof SourceFailed))
    return new CommandFailed(`stopped before the end, so nothing is known yet${goesOn}`)
  if (error instanceof SourceFailed) return new CommandFailed(`could not check: ${error.message}${goesOn}`)
  // what is read of a log fails as its source; the rest is what is written on the way
  if (error instanceof Error && 'syscall' in error)
    return new CommandFailed(
      `could not check: the work can't be written: ${error.message}; make room${state === undefined ? ', or set TMPDIR' : goesOn}`,
    )
  return error instanceof StateInvalid || error instanceof PartInvalid ? new CommandFailed(error.message) : error
}
