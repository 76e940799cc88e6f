import { setMaxListeners } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { Command } from 'commander'
import { CommandFailed } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { type ConnectionOptions, clientOf, wholeNumber, withConnection } from './options.ts'
import { EventPoster } from './post-event.ts'
import { inputFiles } from './post-input.ts'
import { postAll } from './post-run.ts'
import { PostSummary } from './post-summary.ts'
import { progressBar } from './progress.ts'
import { Rejects } from './rejects.ts'
import { signersOf } from './signers.ts'

interface Options extends ConnectionOptions {
  readonly key?: string
  readonly keys?: string
  readonly as?: string
  readonly receipts?: string
  readonly rejects?: string
  readonly concurrency: number
}

/** `post` */
export function addPostCommand(program: Command): void {
  withConnection(
    program
      .command('post')
      .description('sign events and post them: what is missing is filled in, what is broken goes to a file, the rest goes on')
      .argument('<path...>', '.ndjson (an event a line), .json, or a folder of .json files, taken in name order')
      .option('--key <file>', 'private JWK that signs all of them')
      .option('--keys <dir>', 'folder with <party>.jwk for each sender')
      .option('--as <party>', "the sender; otherwise each event's source says it")
      .option('--receipts <dir>', 'keep the receipt and the entry of every event there')
      .option('--rejects <file>', 'where refused events go, with the reasons; default <path>.rejects.ndjson')
      .option(
        '--concurrency <n>',
        'events under way at once; those of one subject go one after another',
        wholeNumber(1, 256),
        16,
      ),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  lianban post day.ndjson --as commerce --key commerce.jwk\n' +
        '  lianban post docs/examples --keys .lianban/keys --receipts receipts\n\n' +
        'Exit code 0: all are in the log; 1: some were refused; 2: it could not be finished. Running it again does no harm.',
    )
    .action(post)
}

async function post(paths: readonly string[], options: Options): Promise<void> {
  const files = await inputFiles(paths)
  const signers = await signersOf(options)
  const client = clientOf(options)
  // at once, so that a wrong --url is told before anything is read
  await client.origin()
  if (options.receipts !== undefined) await mkdir(options.receipts, { recursive: true })
  const rejects = new Rejects(options.rejects ?? `${(paths[0] ?? '').replace(/\/+$/, '')}.rejects.ndjson`)
  const stopping = new AbortController()
  // every event that waits for another try listens
  setMaxListeners(0, stopping.signal)
  const forget = onInterrupt(() => stopping.abort('it was interrupted'))
  const summary = new PostSummary()
  const bar = progressBar(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const poster = new EventPoster(client, stopping.signal)
  const unread = await postAll(files, { ...options, signers, poster, rejects, summary, stopping, progress: bar.update })
  bar.stop()
  forget()
  await rejects.close()
  process.stdout.write(summary.text({ rejectsFile: rejects.file, unread }))
  const { aborted, reason } = stopping.signal
  if (aborted && reason instanceof Error && !(reason instanceof CommandFailed)) throw reason
  if (aborted) throw new CommandFailed(`stopped: ${reason instanceof Error ? reason.message : reason}`)
  if (summary.refused > 0)
    throw new CommandFailed(
      `${summary.refused} refused; ${rejects.file} has each with its reason: mend them and post again, the rest is kept once`,
      1,
    )
}
