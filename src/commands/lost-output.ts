/**
 * Ends the program with exit code 2 when what it has to say can't be written: an answer that nobody got was none. To a reader that went
 * away (`| head`) nothing more is said.
 */
export function endOnLostOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE')
      process.stderr.write(`lianban: the answer can't be written (${error.message}): make room, or write it elsewhere\n`)
    process.exit(2)
  })
  // nobody reads what is said there, and the exit code tells all the same
  process.stderr.on('error', () => undefined)
}
