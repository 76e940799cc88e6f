import { Command } from 'commander'
import { vi } from 'vitest'
import { addAuditCommands } from '../../src/commands/audit.ts'
import { CommandFailed } from '../../src/commands/command.ts'
import type { Ran } from './lianban.ts'

/** Runs `lianban audit <args>` in this process, which spares a test the start of another one; one at a time. */
export async function audit(...args: readonly string[]): Promise<Ran> {
  const program = new Command('lianban').exitOverride()
  addAuditCommands(program)
  let stdout = ''
  const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  try {
    await program.parseAsync(['audit', ...args], { from: 'user' })
    return { code: 0, stdout, stderr: '' }
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error
    return { code: error.exitCode, stdout, stderr: error.message }
  } finally {
    written.mockRestore()
  }
}
