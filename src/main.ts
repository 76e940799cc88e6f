#!/usr/bin/env node
import { Command } from 'commander'
import { CatalogueInvalid } from './catalogue/rules.ts'
import { CommandFailed } from './commands/command.ts'
import { addServeCommands } from './commands/serve.ts'
import { ConfigInvalid } from './config.ts'
import { LogInconsistent } from './log/verify-start.ts'

const program = new Command('lianban')
  .description('联办: bureaus exchange signed registration events, and can prove it')
  .version('0.1.0')
addServeCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`lianban: ${messageOf(error)}\n`)
  process.exit(error instanceof CommandFailed ? error.exitCode : 2)
}

/** What people can mend gets a sentence, what only we can mend its stack. */
function messageOf(error: unknown): string {
  if (
    error instanceof CommandFailed ||
    error instanceof ConfigInvalid ||
    error instanceof CatalogueInvalid ||
    error instanceof LogInconsistent
  )
    return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
